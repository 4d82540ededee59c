//! As much of HTTP/1.1 as measuring needs: requests that are bytes already, answers of a known length, one connection
//! kept open. A client library would take more processor time than is left beside the service.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// 200 where all is well.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

/// One connection, one request at a time.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request and reads its answer. After an error the connection is of no more use.
    pub fn exchange(&mut self, request: &[u8]) -> io::Result<Response> {
        self.stream.write_all(request)?;
        self.buffer.clear();
        let head = loop {
            if let Some(head) = Head::read(&self.buffer)? {
                break head;
            }
            self.read_more()?;
        };
        let end = head.body_at + head.length;
        while self.buffer.len() < end {
            self.read_more()?;
        }
        if self.buffer.len() > end {
            return Err(invalid("more than one answer"));
        }
        Ok(Response { status: head.status, body: self.buffer[head.body_at..].to_vec() })
    }

    fn read_more(&mut self) -> io::Result<()> {
        let mut chunk = [0; 8192];
        match self.stream.read(&mut chunk)? {
            0 => Err(io::Error::new(ErrorKind::UnexpectedEof, "the connection was closed in the middle of an answer")),
            n => {
                self.buffer.extend_from_slice(&chunk[..n]);
                Ok(())
            }
        }
    }
}

/// Gets a path over a connection of its own.
pub fn get(address: SocketAddr, path: &str) -> io::Result<Response> {
    Connection::open(address)?.exchange(&get_request(path))
}

/// A request for a path.
pub fn get_request(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: */*\r\n\r\n").into_bytes()
}

/// A request with a JSON body.
pub fn post_request(path: &str, json: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        json.len()
    );
    [head.as_bytes(), json].concat()
}

/// How long the request is that these bytes begin with, once its head is whole.
pub fn request_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some((text, body_at)) = head_text(bytes)? else { return Ok(None) };
    Ok(Some(body_at + content_length(text).unwrap_or(0)))
}

/// The text before a body, and where the body begins.
fn head_text(bytes: &[u8]) -> io::Result<Option<(&str, usize)>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let text = str::from_utf8(&bytes[..end]).map_err(|_| invalid("a head that is no text"))?;
    Ok(Some((text, end + 4)))
}

fn content_length(head: &str) -> Option<usize> {
    head.lines().skip(1).filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok()).flatten()
    })
}

/// What comes before a body.
struct Head {
    status: u16,
    length: usize,
    body_at: usize,
}

impl Head {
    /// `None` while it is not whole.
    fn read(bytes: &[u8]) -> io::Result<Option<Self>> {
        let Some((text, body_at)) = head_text(bytes)? else { return Ok(None) };
        let status = text.lines().next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let length = content_length(text);
        let status = status.ok_or_else(|| invalid("an answer without a status"))?;
        let length = length.ok_or_else(|| invalid("an answer without content-length"))?;
        Ok(Some(Self { status, length, body_at }))
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn answers_are_read_whole_however_they_are_cut() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            stream.set_nodelay(true).unwrap();
            for part in ["HTTP/1.1 200 OK\r\nContent-Le", "ngth: 5\r\n\r\nhe", "llo"] {
                stream.write_all(part.as_bytes()).unwrap();
            }
            let mut request = [0; 64];
            let n = stream.read(&mut request).unwrap();
            String::from_utf8_lossy(&request[..n]).into_owned()
        });
        let mut connection = Connection::open(address).unwrap();
        let response = connection.exchange(&get_request("/readyz")).unwrap();
        assert_eq!((response.status, response.body.as_slice()), (200, b"hello".as_slice()));
        assert!(server.join().unwrap().starts_with("GET /readyz HTTP/1.1\r\n"));
        assert_eq!(connection.exchange(b"x").unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}
