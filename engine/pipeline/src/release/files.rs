//! The files of a release: frozen with what else decides, hashed, and unpacked again for a replay.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use haechi_model::Stream;
use haechi_rules::Sources;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ReleaseContext;

/// The file beside those of the packs that says what else decides.
const SETTINGS: &str = "release.json";

/// What a decision depends on besides rule files and the secret.
#[derive(Debug, Serialize, Deserialize)]
struct Settings {
    zone: String,
    default_stream: Option<String>,
    packs: usize,
}

/// Freezes the files that packs were read from. Each lies under the number of its pack.
pub(super) fn keep(
    sources: &Sources,
    packs: &[PathBuf],
    revision: Option<String>,
    context: &ReleaseContext,
) -> haechi_store::Release {
    let settings = Settings {
        zone: context.zone.name().to_owned(),
        default_stream: context.default_stream.map(|stream| stream.name.to_owned()),
        packs: packs.len(),
    };
    let mut files: Vec<(String, Vec<u8>)> =
        sources.files().map(|(_, file)| (kept_name(&file.path, packs), file.text.clone().into_bytes())).collect();
    // Two strings and a number always serialise.
    files.push((SETTINGS.to_owned(), serde_json::to_vec(&settings).unwrap_or_default()));
    files.sort();
    files.dedup();
    let mut hash = Sha256::new();
    for (name, bytes) in &files {
        for part in [name.as_bytes(), bytes] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    haechi_store::Release { hash: hash.finalize().into(), files, rulesets: Vec::new(), revision }
}

fn kept_name(path: &Path, packs: &[PathBuf]) -> String {
    let of_pack =
        packs.iter().enumerate().find_map(|(number, pack)| Some((number, pack, path.strip_prefix(pack).ok()?)));
    let (number, inside) = match of_pack {
        // The pack is the file itself.
        Some((number, pack, inside)) if inside.as_os_str().is_empty() => {
            (number, pack.file_name().map(PathBuf::from).unwrap_or_default())
        }
        Some((number, _, inside)) => (number, inside.to_owned()),
        None => (0, path.components().filter(|c| matches!(c, Component::Normal(_))).collect()),
    };
    format!("{number}/{}", inside.display())
}

/// The files of a release in a folder of their own, which goes when this is dropped.
pub(super) struct Unpacked {
    _folder: Folder,
    pub paths: Vec<PathBuf>,
    pub context: ReleaseContext,
}

/// A folder that is removed when this is dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // Left-over files of a replay do no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes the files of a release where packs can be loaded from.
pub(super) fn unpack(kept: &haechi_store::Release, context: &ReleaseContext) -> io::Result<Unpacked> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let settings = kept.files.iter().find(|(name, _)| name == SETTINGS).ok_or_else(|| invalid("no release.json"))?;
    let settings: Settings = serde_json::from_slice(&settings.1)?;
    let folder = Folder(new_folder(&super::hex(&kept.hash[..8]))?);
    for (name, bytes) in kept.files.iter().filter(|(name, _)| name != SETTINGS) {
        let inside = Path::new(name);
        if !inside.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(invalid("a file name that leads out of the release"));
        }
        let path = folder.0.join(inside);
        fs::create_dir_all(path.parent().unwrap_or(&folder.0))?;
        fs::write(path, bytes)?;
    }
    let paths = (0..settings.packs).map(|number| folder.0.join(number.to_string())).filter(|p| p.exists()).collect();
    let zone = settings.zone.parse().map_err(|_| invalid("a zone that is not known"))?;
    let default_stream = settings.default_stream.as_deref().and_then(Stream::find);
    Ok(Unpacked { _folder: folder, paths, context: ReleaseContext { zone, default_stream, ..context.clone() } })
}

/// A new folder only we can read, in the system's folder for such.
fn new_folder(name: &str) -> io::Result<PathBuf> {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("haechi-{name}-{}-{count}", std::process::id()));
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&path)?;
    Ok(path)
}
