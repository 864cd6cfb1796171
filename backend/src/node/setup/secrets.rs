//! What the parts on a server share: tokens, made once and kept where only root reads them.

use super::{bundle, env_file::EnvFile, server::Server, step::SetupStep};
use crate::secret::Secret;

/// What the service is told.
pub(super) const SERVICE_FILE: &str = "/etc/pipalhub/pipalhub.env";
const HUB_FILE: &str = "/etc/pipalhub/hub.env";
const STEWARD_FILE: &str = "/etc/pipalhub/steward.env";
const PROXY_FILE: &str = "/etc/pipalhub/proxy.env";
const MODE: u32 = 0o600;

const SERVICE_TOKEN: &str = "JUPYTERHUB_API_TOKEN";
/// The same token, as the Hub's configuration takes it.
const HUBS_SERVICE_TOKEN: &str = "PIPALHUB_API_TOKEN";
/// That of the steward, which has the Hub start servers.
const HUBS_STEWARD_TOKEN: &str = "PIPALHUB_STEWARD_TOKEN";
const API_URL: [&str; 2] = ["JUPYTERHUB_API_URL", "http://127.0.0.1:8081/hub/api"];
/// Whom no instructor changes.
const ROLES: [&str; 2] = ["PIPALHUB_INSTRUCTOR_ROLES", "pipalhub-instructor"];
const ACCOUNTS: [&str; 2] = ["PIPALHUB_ACCOUNTS", "system"];
const PROXY_TOKEN: &str = "CONFIGPROXY_AUTH_TOKEN";

/// The files of variables of the units.
pub(super) struct UnitSecrets;

/// A file of variables as it is to be.
struct WantedFile {
    path: &'static str,
    file: EnvFile,
}

impl UnitSecrets {
    /// The files as they are to be; tokens that are there stay.
    fn wanted() -> anyhow::Result<[WantedFile; 4]> {
        let mut service = EnvFile::read_or(SERVICE_FILE, bundle::settings_file("pipalhub.env"))?;
        let about = |what: &str| format!("# {what}, for root alone.\n");
        let mut hub = EnvFile::read_or(HUB_FILE, about("What the Hub is told"))?;
        let mut steward = EnvFile::read_or(STEWARD_FILE, about("What the steward is told"))?;
        let mut proxy = EnvFile::read_or(PROXY_FILE, about("What the Hub's proxy is told"))?;
        let kept = |file: &EnvFile, name| match file.value(name) {
            Some(token) => token.to_owned(),
            None => Secret::random().reveal().to_owned(),
        };
        let (token, proxy_token) = (kept(&service, SERVICE_TOKEN), kept(&hub, PROXY_TOKEN));
        let steward_token = kept(&steward, SERVICE_TOKEN);
        service.set(SERVICE_TOKEN, &token);
        steward.set(SERVICE_TOKEN, &steward_token);
        steward.set(API_URL[0], API_URL[1]);
        // Known without the Hub, which may be away.
        steward.set(ACCOUNTS[0], ACCOUNTS[1]);
        steward.set(ROLES[0], ROLES[1]);
        hub.set(HUBS_STEWARD_TOKEN, &steward_token);
        hub.set(HUBS_SERVICE_TOKEN, &token);
        hub.set(PROXY_TOKEN, &proxy_token);
        proxy.set(PROXY_TOKEN, &proxy_token);
        let files = [
            (SERVICE_FILE, service),
            (STEWARD_FILE, steward),
            (HUB_FILE, hub),
            (PROXY_FILE, proxy),
        ];
        Ok(files.map(|(path, file)| WantedFile { path, file }))
    }
}

impl SetupStep for UnitSecrets {
    fn name(&self) -> String {
        "Tokens".to_owned()
    }

    fn missing(&self, server: &Server) -> anyhow::Result<Option<String>> {
        let is_missing = |it: &WantedFile| !server.has(it.path, it.file.text().as_bytes(), MODE);
        let wanted = Self::wanted()?;
        let missing: Vec<_> = wanted
            .iter()
            .filter(|it| is_missing(it))
            .map(|it| it.path)
            .collect();
        Ok((!missing.is_empty()).then(|| format!("to be written: {}", missing.join(", "))))
    }

    fn act(&self, server: &Server) -> anyhow::Result<()> {
        // The Hub's file takes the tokens of those before it, also when this ends in between.
        for WantedFile { path, file } in Self::wanted()? {
            server.write(path, file.text().as_bytes(), MODE)?;
        }
        Ok(())
    }
}
