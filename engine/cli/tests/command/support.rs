//! A folder to work in, and the command run there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// What a command did.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// What it printed, as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}{}", self.out, self.err))
    }

    /// What it printed, as JSON lines.
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The same, and it went well.
    pub fn done(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self
    }
}

/// A folder that the command runs in; paths on its command line are names in it.
pub struct Desk(TempDir);

impl Desk {
    pub fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// Puts a file there.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), content).unwrap();
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Names of what lies in a folder, sorted; none if it is not there.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// `haechi` with these words, split at blanks.
    pub fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_haechi"));
        command.args(words.split_whitespace()).current_dir(self.0.path()).stdin(Stdio::null());
        command.env_remove("HAECHI_SECRET").env_remove("RUST_LOG").env("NO_COLOR", "1");
        command
    }

    /// Runs `haechi` with these words.
    pub fn haechi(&self, words: &str) -> Ran {
        let output = self.command(words).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// A file of the public data, in the folder that `HAECHI_SHARED` names.
pub fn shared(path: &str) -> PathBuf {
    let default = || repository("../shared");
    let found = std::env::var_os("HAECHI_SHARED").map_or_else(default, PathBuf::from).join("data").join(path);
    assert!(
        found.exists(),
        "`{}` is not there: let HAECHI_SHARED name the folder with the public data",
        found.display()
    );
    found
}

/// One rule about shoes, without mistakes.
pub const SHOES: &str = "\
rules:
  - id: shoes-01
    title: Undervalued footwear
    stream: declaration
    when: >
      hs4 IN ('6402', '6403') AND origin_country = 'CN'
      AND (customs_value_usd / net_mass_kg < 4.5 OR any_item(description LIKE '%SAMPLE%'))
    lane: examine
    instruction: Check sole material and invoice.
    owner: footwear-desk
    legal_basis: Customs Act art. 246
    tests:
      - {given: {hs_code: '6402991000', origin_country: CN, customs_value_usd: 100, net_mass_kg: 80}, expect: hit}
      - {given: {hs_code: '8517130000', origin_country: CN}, expect: no_hit}
";

/// Three declarations, four items.
pub const DAY: &str = "\
declaration_id,item_no,hs_code,description,origin_country,customs_value_usd,net_mass_kg
D1,1,6402991000,BOOTS,CN,100,80
D1,2,8517130000,PHONES,CN,9000,12
D2,1,6402991000,BOOTS,CN,1000,80
D3,1,6402991000,BOOTS,,100,80
";
