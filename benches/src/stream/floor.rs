//! The least that answers after the disk: reads a request, appends 4 KiB, waits for `fdatasync`, sends a fixed answer.
//! It decides nothing, so what it is late by under a load is the machine and the client, and no service can be sooner.
//!
//! In this process, with a thread a connection, beside the client's. Requests that wait together share one sync, as
//! commits of the service do.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::http;
use super::latency::Latencies;
use super::{Failure, load};

/// Bytes appended a request.
const APPEND: [u8; 4096] = [b'.'; 4096];
/// About what a selection of the service takes.
const ANSWER_BYTES: usize = 1_000;

/// Sends it `requests`, `rate` a second, and gives how long the answers took.
pub fn latencies(folder: &Path, requests: &[Vec<u8>], rate: f64, connections: usize) -> Result<Latencies, Failure> {
    measured(folder, requests, rate, connections).map(|(latencies, _)| latencies)
}

/// The latencies, and how many bytes are in the file that was appended to.
fn measured(folder: &Path, requests: &[Vec<u8>], rate: f64, connections: usize) -> Result<(Latencies, u64), Failure> {
    let path = folder.join("floor.probe");
    let disk = Disk { file: File::create(&path)?, appended: Mutex::new(0), synced: Mutex::new(0) };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let shots = thread::scope(|scope| {
        scope.spawn(|| {
            // A thread ends with its connection, and the client closes all of them.
            for stream in listener.incoming().take(connections).flatten() {
                scope.spawn(|| {
                    stream.set_nodelay(true)?;
                    serve(stream, || disk.append())
                });
            }
        });
        load::constant_rate(address, requests, rate, connections, |_| ()).map(|(shots, ())| shots)
    })?;
    let appended = fs::metadata(&path)?.len();
    fs::remove_file(path)?;
    if let Some(shot) = shots.iter().find(|shot| !matches!(&shot.answer, Ok(response) if response.status == 200)) {
        return Err(format!("the least server failed: {:?}", shot.answer).into());
    }
    Ok((load::latencies(&shots), appended))
}

/// A file that several threads append to.
struct Disk {
    file: File,
    appended: Mutex<u64>,
    synced: Mutex<u64>,
}

impl Disk {
    /// Returns when this append is on the disk, by a sync of its own or of another that came after it.
    fn append(&self) -> io::Result<()> {
        let mine = {
            let mut appended = self.appended.lock().unwrap_or_else(PoisonError::into_inner);
            (&self.file).write_all(&APPEND)?;
            *appended += 1;
            *appended
        };
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if *synced < mine {
            let upto = *self.appended.lock().unwrap_or_else(PoisonError::into_inner);
            self.file.sync_data()?;
            *synced = upto;
        }
        Ok(())
    }
}

/// Answers until the connection is closed, each request once `append` has returned.
fn serve(mut stream: impl Read + Write, append: impl Fn() -> io::Result<()>) -> io::Result<()> {
    let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {ANSWER_BYTES}\r\n\r\n").into_bytes();
    answer.resize(answer.len() + ANSWER_BYTES, b'.');
    let (mut read, mut chunk) = (Vec::new(), [0; 8192]);
    loop {
        while let Some(length) = http::request_length(&read)? {
            if read.len() < length {
                break;
            }
            read.drain(..length);
            append()?;
            stream.write_all(&answer)?;
        }
        match stream.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(n) => read.extend_from_slice(&chunk[..n]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn every_request_is_appended_and_answered() {
        let folder = tempfile::tempdir().unwrap();
        let requests = vec![http::post_request("/x", b"{}"); 50];
        let (latencies, appended) = measured(folder.path(), &requests, 1_000.0, 4).unwrap();
        assert_eq!((latencies.len(), appended), (50, 50 * APPEND.len() as u64));
        assert!(latencies.quantile(0.5) > 0.0);
    }

    #[test]
    fn what_is_appended_is_synced() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("floor.probe")).unwrap();
        let disk = Disk { file, appended: Mutex::new(0), synced: Mutex::new(0) };
        for n in 1..=3 {
            disk.append().unwrap();
            assert_eq!([&disk.appended, &disk.synced].map(|count| *count.lock().unwrap()), [n, n]);
        }
    }

    /// A client that has sent all it has to say, and keeps note of what happens.
    struct Client<'a> {
        said: &'a [u8],
        happened: &'a RefCell<Vec<&'static str>>,
    }

    impl Read for Client<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            self.said.read(room)
        }
    }

    impl Write for Client<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.happened.borrow_mut().push("answered");
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_answer_comes_after_its_append_or_not_at_all() {
        let happened = RefCell::new(Vec::new());
        let said = http::post_request("/x", b"{}").repeat(2);
        let client = || Client { said: &said, happened: &happened };
        let append = || {
            happened.borrow_mut().push("appended");
            Ok(())
        };
        serve(client(), append).unwrap();
        assert_eq!(happened.take(), ["appended", "answered", "appended", "answered"]);
        serve(client(), || Err(io::Error::other("the disk is full"))).unwrap_err();
        assert!(happened.take().is_empty());
    }
}
