//! A droplet's server: OpenSSH's, on a port of the loopback, with the host key that cloud-init is
//! told.

use std::{
    env, fs,
    net::Ipv4Addr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use rustix::process::geteuid;
use serde_json::Value;

/// Where the servers of one account are.
pub(crate) struct ServerPlace {
    /// With the trainer's public key, and `bin`, of which the server runs `cloud-init`.
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
}

/// A server that runs; it ends when this is dropped.
pub(crate) struct DropletServer(Child);

impl DropletServer {
    pub(crate) fn start(place: &ServerPlace, user_data: &str, has_wrong_key: bool) -> Self {
        let folder = &place.folder;
        let host_key = folder.join("sshd_host_key");
        let config: Value =
            serde_json::from_str(user_data.strip_prefix("#cloud-config\n").unwrap()).unwrap();
        let _ = fs::remove_file(&host_key);
        match has_wrong_key {
            true => generate_key(&host_key),
            false => {
                let private = config["ssh_keys"]["ed25519_private"].as_str().unwrap();
                fs::write(&host_key, private).unwrap();
                fs::set_permissions(&host_key, fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
        let lines = [
            format!("Port {}", place.port),
            "ListenAddress 127.0.0.1".to_owned(),
            format!("HostKey {}", host_key.display()),
            format!(
                "AuthorizedKeysFile {}",
                folder.join("trainer_key.pub").display()
            ),
            format!("SetEnv PATH={}:/usr/bin:/bin", folder.join("bin").display()),
            "PermitRootLogin yes".to_owned(),
            "PasswordAuthentication no".to_owned(),
            "StrictModes no".to_owned(),
            "UsePAM no".to_owned(),
            "PidFile none".to_owned(),
        ];
        let config = folder.join("sshd_config");
        fs::write(&config, lines.join("\n") + "\n").unwrap();
        let log = fs::File::create(folder.join("sshd.log")).unwrap();
        let mut command = command(folder, &config);
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        Self(child.unwrap())
    }

    #[expect(
        clippy::unused_self,
        reason = "elsewhere each has an address of its own"
    )]
    pub(crate) fn address(&self) -> Ipv4Addr {
        Ipv4Addr::LOCALHOST
    }
}

impl Drop for DropletServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The command of the server. Root's wants a user and a folder of its own, which it gets where
/// nobody else sees them.
fn command(folder: &Path, config: &Path) -> Command {
    let OpenSsh { program, libraries } = open_ssh();
    let mut command = if geteuid().is_root() {
        let passwd = folder.join("passwd");
        let users = fs::read_to_string("/etc/passwd").unwrap();
        let own = "sshd:x:64999:65534::/run/sshd:/usr/sbin/nologin\n";
        let own = if users.contains("\nsshd:") { "" } else { own };
        fs::write(&passwd, users + own).unwrap();
        let script = "mount --bind \"$1\" /etc/passwd && mount -t tmpfs tmpfs /run && \
                      mkdir -m 755 /run/sshd && exec \"$2\" -D -e -f \"$3\"";
        let mut command = Command::new("unshare");
        command
            .args([
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-c",
                script,
                "sh",
            ])
            .args([&passwd, program]);
        command
    } else {
        let mut command = Command::new(program);
        command.args(["-D", "-e", "-f"]);
        command
    };
    command.arg(config);
    if let Some(libraries) = libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    command
}

pub(crate) fn generate_key(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path)
        .stdin(Stdio::null())
        .status();
    assert!(made.unwrap().success());
}

struct OpenSsh {
    program: PathBuf,
    libraries: Option<PathBuf>,
}

/// The server of this machine; where there is none, Debian's, unpacked and not installed, since
/// that would start one.
fn open_ssh() -> &'static OpenSsh {
    static FOUND: OnceLock<OpenSsh> = OnceLock::new();
    FOUND.get_or_init(|| {
        let named = env::var_os("PIPALHUB_SSHD").map(PathBuf::from);
        let program = named.unwrap_or_else(|| PathBuf::from("/usr/sbin/sshd"));
        if program.exists() {
            return OpenSsh {
                program,
                libraries: None,
            };
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openssh-server");
        let program = folder.join("root/usr/sbin/sshd");
        if !program.exists() {
            unpack(&folder);
        }
        let libraries = folder.join("root/usr/lib");
        let triplets = fs::read_dir(&libraries).unwrap();
        let mut triplets = triplets.map(|entry| entry.unwrap().path());
        OpenSsh {
            program,
            libraries: triplets
                .find(|path| path.ends_with(format!("{}-linux-gnu", env::consts::ARCH))),
        }
    })
}

fn unpack(folder: &Path) {
    let packages = folder.join("packages");
    fs::create_dir_all(&packages).unwrap();
    let loaded = Command::new("apt-get")
        .args(["download", "-q", "openssh-server", "libwrap0"])
        .current_dir(&packages)
        .status();
    assert!(
        loaded.is_ok_and(|status| status.success()),
        "there is no /usr/sbin/sshd, and apt-get cannot load openssh-server: name a server in \
         PIPALHUB_SSHD"
    );
    for entry in fs::read_dir(&packages).unwrap() {
        let unpacked = Command::new("dpkg")
            .arg("-x")
            .arg(entry.unwrap().path())
            .arg(folder.join("root"))
            .status();
        assert!(unpacked.unwrap().success());
    }
}
