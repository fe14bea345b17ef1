//! Building with Nix, wherever it is.
use super::{Builder, Built, Output, Run, Say, Versions, Way};
use crate::nix::NixTree;
use async_trait::async_trait;
use homelab_core::{Failure, host::Spot};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Nix, reached in one of the [ways](Way).
pub struct Nix<R> {
    way: Way,
    run: R,
    stage: PathBuf,
}

impl<R: Run> Nix<R> {
    /// Nix, which is given its files in this directory.
    #[must_use]
    pub fn new(way: Way, run: R, stage: PathBuf) -> Self {
        Nix { way, run, stage }
    }

    /// Puts the tree where Nix sees it. What has not changed keeps its time.
    async fn stage(&self, tree: &NixTree, say: Say<'_>) -> Result<String, Failure> {
        let failed = |e: io::Error| Failure::new(format!("{} cannot be written: {e}", self.stage.display()));
        put(&self.stage, tree).map_err(failed)?;
        let Way::Remote(_) = &self.way else { return Ok(self.stage.display().to_string()) };
        let there = "homelab-pi-stage";
        let archive = tar(tree);
        let unpack = format!("rm -rf {there} && mkdir -p {there} && tar -x -C {there}");
        let mut argv = self.way.before(&self.stage);
        argv.push(unpack);
        self.run.run(&argv, archive, say).await?;
        Ok(there.to_owned())
    }

    async fn nix(&self, arguments: &[&str], say: Say<'_>) -> Result<String, Failure> {
        let mut argv = self.way.before(&self.stage);
        let mut words = vec!["nix".to_owned()];
        words.extend(self.way.options());
        words.extend(arguments.iter().map(|a| (*a).to_owned()));
        match &self.way {
            // ssh(1) joins its words with blanks for a shell.
            Way::Remote(_) => argv.push(words.iter().map(|w| quoted(w)).collect::<Vec<_>>().join(" ")),
            _ => argv.extend(words),
        }
        let out = self.run.run(&argv, vec![], say).await.map_err(|e| e.hint(HINT))?;
        Ok(String::from_utf8_lossy(&out).trim().to_owned())
    }

    /// The image on this machine.
    async fn fetch(&self, dir: &str, say: Say<'_>) -> Result<PathBuf, Failure> {
        if matches!(self.way, Way::Native | Way::Emulated) {
            let images = fs::read_dir(Path::new(dir).join("sd-image")).into_iter().flatten().flatten();
            let mut images = images.map(|e| e.path()).filter(|p| p.to_string_lossy().contains(".img"));
            return images.next().ok_or_else(|| Failure::new(format!("there is no image in {dir}")));
        }
        let mut argv = self.way.before(&self.stage);
        let find = format!("cd {} && cat sd-image/*.img.zst", quoted(dir));
        match &self.way {
            Way::Remote(_) => argv.push(find),
            _ => argv.extend(["sh".to_owned(), "-c".to_owned(), find]),
        }
        let image = self.stage.join("image.img.zst");
        self.run.fetch(&argv, &image, say).await?;
        Ok(image)
    }
}

/// What mostly helps.
const HINT: &str = "the lines above are Nix's own; a missing builder for aarch64-linux is told by `pi builder up`";

/// A word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn put(dir: &Path, tree: &NixTree) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for (path, text) in tree {
        let file = dir.join(path);
        if fs::read(&file).is_ok_and(|there| there == text.as_bytes()) {
            continue;
        }
        fs::write(file, text)?;
    }
    Ok(())
}

/// The tree as an archive (ustar, POSIX.1-1988): its names are short and its files are small.
fn tar(tree: &NixTree) -> Vec<u8> {
    let mut out = vec![];
    for (path, text) in tree {
        let mut head = [0u8; 512];
        let mut field = |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
        field(0, path);
        field(100, "0000644\0");
        field(108, "0000000\0");
        field(116, "0000000\0");
        field(124, &format!("{:011o}\0", text.len()));
        field(136, "00000000000\0");
        field(148, "        ");
        field(156, "0");
        field(257, "ustar\x0000");
        let sum: u32 = head.iter().map(|b| u32::from(*b)).sum();
        head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend_from_slice(&head);
        out.extend_from_slice(text.as_bytes());
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

#[async_trait]
impl<R: Run> Builder for Nix<R> {
    fn describe(&self) -> String {
        self.way.describe()
    }

    /// Asks Nix for its version: that starts a container with its image, or reaches the other machine.
    async fn up(&self, say: Say<'_>) -> Result<String, Failure> {
        fs::create_dir_all(&self.stage)
            .map_err(|e| Failure::new(format!("{} cannot be written: {e}", self.stage.display())))?;
        let version = self.nix(&["--version"], say).await?;
        Ok(format!("{}: {version}", self.way.describe()))
    }

    async fn build(&self, tree: &NixTree, output: Output, say: Say<'_>) -> Result<Built, Failure> {
        let at = self.stage(tree, say).await?;
        let build = async |what: &str| {
            let target = format!("path:{at}#packages.aarch64-linux.{what}");
            self.nix(&["build", &target, "--no-link", "--print-out-paths", "--no-update-lock-file"], say).await
        };
        let toplevel = build("toplevel").await?;
        if !toplevel.starts_with("/nix/store/") {
            return Err(Failure::new(format!("Nix built `{toplevel}`, which is no path of its store")));
        }
        let image = match output {
            Output::System => None,
            Output::Image => Some(self.fetch(&build("sdImage").await?, say).await?),
        };
        Ok(Built { toplevel, image })
    }

    async fn copy(&self, toplevel: &str, to: &Spot, say: Say<'_>) -> Result<(), Failure> {
        let target = format!("ssh-ng://{to}");
        self.nix(&["copy", "--to", &target, toplevel, "--substitute-on-destination"], say).await.map(drop)
    }

    async fn newest(&self, tree: &NixTree, say: Say<'_>) -> Result<String, Failure> {
        let at = self.stage(tree, say).await?;
        self.nix(&["flake", "update", "--flake", &format!("path:{at}")], say).await?;
        let mut argv = self.way.before(&self.stage);
        let file = format!("{at}/flake.lock");
        match &self.way {
            Way::Remote(_) => argv.push(format!("cat {}", quoted(&file))),
            _ => argv.extend(["cat".to_owned(), file]),
        }
        let out = self.run.run(&argv, vec![], say).await?;
        String::from_utf8(out).map_err(|_| Failure::new("the new lock file is no text"))
    }

    async fn versions(&self, tree: &NixTree, function: &str, say: Say<'_>) -> Result<Versions, Failure> {
        let at = self.stage(tree, say).await?;
        let systems = format!("path:{at}#nixosConfigurations");
        let told = self.nix(&["eval", "--json", "--no-update-lock-file", &systems, "--apply", function], say).await?;
        let mut all: BTreeMap<String, Versions> = serde_json::from_str(&told)
            .map_err(|e| Failure::new(format!("Nix does not tell versions: {e}")).detail([told]))?;
        // A tree has one system.
        all.pop_first().map(|(_, versions)| versions).ok_or_else(|| Failure::new("the tree has no system"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Says what it is told, and remembers what it was asked.
    #[derive(Default)]
    struct Fake(Mutex<Vec<String>>);

    #[async_trait]
    impl Run for &Fake {
        async fn run(&self, argv: &[String], _: Vec<u8>, _: Say<'_>) -> Result<Vec<u8>, Failure> {
            let line = argv.join(" ");
            self.0.lock().unwrap().push(line.clone());
            let says = match () {
                () if line.contains("#nixosConfigurations") => r#"{"pihole": {"Linux": "6.12.58"}}"#,
                () if line.contains("sdImage") => "/nix/store/bbb-pihole.img.zst\n",
                () if line.contains("toplevel") => "/nix/store/aaa-nixos-system-pihole-25.11\n",
                () => "x",
            };
            Ok(says.into())
        }
        async fn fetch(&self, argv: &[String], to: &Path, say: Say<'_>) -> Result<(), Failure> {
            fs::write(to, self.run(argv, vec![], say).await?).unwrap();
            Ok(())
        }
    }

    fn tree() -> NixTree {
        NixTree::from([("flake.nix", "{ }\n".to_owned()), ("flake.lock", "{}".to_owned())])
    }

    #[tokio::test]
    async fn the_same_is_said_to_nix_wherever_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let spot = Spot::at([192, 168, 0, 53].into()).login("me");
        for way in [Way::Native, Way::Emulated, Way::Remote("root@arm".into()), Way::Container("docker")] {
            let fake = Fake::default();
            let nix = Nix::new(way.clone(), &fake, dir.path().join("stage"));
            let local = matches!(way, Way::Native | Way::Emulated);
            let output = if local { Output::System } else { Output::Image };
            let built = nix.build(&tree(), output, &|_| {}).await.unwrap();
            assert_eq!(built.toplevel, "/nix/store/aaa-nixos-system-pihole-25.11");
            assert_eq!(built.image.map(|image| fs::read(image).unwrap()), (!local).then(|| b"x".to_vec()));
            nix.copy(&built.toplevel, &spot, &|_| {}).await.unwrap();
            let versions = nix.versions(&tree(), "builtins.mapAttrs (_: it's: { })", &|_| {}).await.unwrap();
            assert_eq!(versions, Versions::from([("Linux".to_owned(), "6.12.58".to_owned())]));
            let said = fake.0.lock().unwrap().join("\n");
            let asked = match way {
                Way::Remote(_) => r"'--apply' 'builtins.mapAttrs (_: it'\''s: { })'",
                _ => "#nixosConfigurations --apply builtins.mapAttrs (_: it's: { })",
            };
            assert!(said.contains(asked), "{said}");
            assert!(said.contains("#packages.aarch64-linux.toplevel") && said.contains("ssh-ng://me@192.168.0.53"));
            assert_eq!(said.contains("--extra-platforms"), way == Way::Emulated, "{said}");
            assert_eq!(said.starts_with("ssh -A"), matches!(way, Way::Remote(_)));
        }
    }

    #[test]
    fn an_archive_has_the_files_and_sums_that_tar_expects() {
        let archive = tar(&tree());
        assert_eq!(archive.len() % 512, 0);
        assert_eq!(&archive[..10], b"flake.lock");
        assert_eq!(&archive[257..262], b"ustar");
        let mut head = archive[..512].to_vec();
        head[148..156].copy_from_slice(b"        ");
        let sum: u32 = head.iter().map(|b| u32::from(*b)).sum();
        assert_eq!(&archive[148..154], format!("{sum:06o}").as_bytes());
    }

    #[tokio::test]
    async fn a_program_that_fails_is_told_with_its_last_words() {
        let argv = ["sh", "-c", "echo one >&2; echo two >&2; exit 3"].map(str::to_owned);
        let failure = super::super::Processes.run(&argv, vec![], &|_| {}).await.unwrap_err();
        assert_eq!(failure.detail, ["one", "two"]);
        let out = super::super::Processes.run(&["cat".to_owned()], b"in".to_vec(), &|_| {}).await.unwrap();
        assert_eq!(out, b"in");
    }

    #[tokio::test]
    async fn what_is_fetched_is_there_as_a_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("image.img.zst");
        let fetch = async |script: &str| {
            let argv = ["sh", "-c", script].map(str::to_owned);
            super::super::Processes.fetch(&argv, &to, &|_| {}).await
        };
        fetch("head -c 3000000 /dev/zero").await.unwrap();
        assert_eq!(fs::metadata(&to).unwrap().len(), 3_000_000);
        assert!(fetch("echo half; exit 1").await.is_err());
        assert_eq!(fs::metadata(&to).unwrap().len(), 3_000_000, "the one from before");
    }
}
