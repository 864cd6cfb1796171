//! The settings of the class's list, which the steward and `pipalhub users` have.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum, builder::FalseyValueParser};
use shared::users::AccountsKind;

use crate::{
    secret::Secret,
    users::{
        accounts::Accounts,
        applied,
        authenticator::HubAuthenticator,
        hub_accounts::{self, HubAccounts},
        hub_api::StewardHub,
        hub_servers::HubServers,
        list_store::UserListSettings,
        protection::Protection,
        system::SystemAccounts,
        user_list::UserList,
    },
};

/// The list, and the accounts it is for.
#[derive(Args)]
pub(super) struct UserListArgs {
    /// The class's list: a line `username:password` for each participant.
    #[arg(
        long,
        env = "PIPALHUB_USERS_FILE",
        global = true,
        value_name = "FILE",
        default_value = "/etc/jupyterhub/users.txt"
    )]
    pub(super) users_file: PathBuf,
    /// What the names of the list become: accounts of the system, whom the Hub signs in by PAM;
    /// users of the Hub, with passwords of its NativeAuthenticator, with one shared password, or
    /// without any, where an outside provider signs people in; or nothing. The Hub is asked unless
    /// this is given; without a Hub they are accounts of the system.
    #[arg(
        long,
        env = "PIPALHUB_ACCOUNTS",
        global = true,
        value_name = "KIND",
        value_enum,
        default_value_t
    )]
    accounts: AccountsArg,
    /// The folder of the homes of new accounts.
    #[arg(
        long,
        env = "PIPALHUB_ACCOUNT_HOMES",
        global = true,
        value_name = "DIR",
        default_value = "/home"
    )]
    account_homes: PathBuf,
    /// Keep no password in the list, but its hash, once the account has it: a password can then
    /// be reset and never be looked up.
    #[arg(long, env = "PIPALHUB_KEEP_HASHES", global = true, value_parser = FalseyValueParser::new())]
    keep_hashes: bool,
    /// Somebody whom instructors neither add, change nor remove, beside each other and those who
    /// administer the Hub; root's command line may. May be given several times.
    #[arg(
        long,
        env = "PIPALHUB_PROTECT",
        global = true,
        value_name = "NAME",
        value_delimiter = ','
    )]
    protect: Vec<String>,
}

/// The variable with the class of the Hub's authenticator and those that it is made of, which
/// `configure` sets.
const AUTHENTICATOR_VARIABLE: &str = "PIPALHUB_AUTHENTICATOR";
/// The variable with the one password of all, where the Hub's configuration has one.
const SHARED_PASSWORD_VARIABLE: &str = "PIPALHUB_SHARED_PASSWORD";
/// The variable with the roles that may change the class, parted by commas.
const INSTRUCTOR_ROLES_VARIABLE: &str = "PIPALHUB_INSTRUCTOR_ROLES";

/// What the names of the list become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum AccountsArg {
    /// As the Hub signs people in.
    #[default]
    Auto,
    /// Accounts of the system.
    System,
    /// Users of the Hub, with passwords of its NativeAuthenticator.
    Native,
    /// Users of the Hub, with one password for all.
    Shared,
    /// Users of the Hub, whom an outside provider signs in.
    Outside,
    /// Nothing.
    None,
}

impl UserListArgs {
    /// The list, where this process may change what it stands for.
    pub(super) async fn open(&self, state: &Path) -> anyhow::Result<UserList> {
        let hub = StewardHub::from_env(variable).context("cannot make an HTTP client")?;
        let authenticator = match (self.accounts, &hub) {
            (AccountsArg::Auto, Some(hub)) => Some(self.ask(hub).await?),
            (AccountsArg::Auto, None) => {
                Self::check_is_not_of_hub(state)?;
                None
            }
            _ => None,
        };
        self.list(state, authenticator, hub)
    }

    /// Fails where the list cannot be kept, as far as that is known without asking the Hub, which
    /// may be waiting for this.
    pub(super) fn check(&self, state: &Path) -> anyhow::Result<()> {
        let classes = variable(AUTHENTICATOR_VARIABLE).unwrap_or_default();
        let class = classes.split_whitespace().next();
        let seen = class.map(|class| HubAuthenticator::of(class, &classes, has_shared_password()));
        let hub = StewardHub::from_env(|_| Some("of-no-hub".to_owned()));
        let hub = hub.context("cannot make an HTTP client")?;
        Ok(self.list(state, seen, hub)?.check()?)
    }

    async fn ask(&self, hub: &StewardHub) -> anyhow::Result<HubAuthenticator> {
        let classes = variable(AUTHENTICATOR_VARIABLE).unwrap_or_default();
        let asked = HubAuthenticator::ask(hub, &classes, has_shared_password()).await;
        asked.context(
            "it is not known what the names of the list become; say so with --accounts, or let \
             pipalhub.configure(c, steward=True) give the steward its role",
        )
    }

    /// A process without a Hub would take users of the Hub for accounts of the system.
    fn check_is_not_of_hub(state: &Path) -> anyhow::Result<()> {
        let of_hub = state.join(hub_accounts::STATE_FILE);
        let of_system = state.join(applied::STATE_FILE);
        if of_hub.exists() && !of_system.exists() {
            bail!(
                "the list is for users of the Hub, and only a steward that the Hub has started \
                 changes those: start the Hub, or say what names become with --accounts"
            );
        }
        Ok(())
    }

    fn list(
        &self,
        state: &Path,
        authenticator: Option<HubAuthenticator>,
        hub: Option<StewardHub>,
    ) -> anyhow::Result<UserList> {
        let kind = match (self.accounts, &authenticator) {
            (AccountsArg::Auto, Some(found)) => found.kind,
            (AccountsArg::Auto | AccountsArg::System, _) => AccountsKind::System,
            (AccountsArg::Native, _) => AccountsKind::Native,
            (AccountsArg::Shared, _) => AccountsKind::Shared,
            (AccountsArg::Outside, _) => AccountsKind::Outside,
            (AccountsArg::None, _) => AccountsKind::Names,
        };
        let servers = hub.clone().map(HubServers::new);
        let accounts = match (kind, &hub, &servers) {
            (AccountsKind::Names, ..) => Accounts::Names,
            (AccountsKind::System, ..) => {
                if let Some(obstacle) = SystemAccounts::obstacle() {
                    bail!("{obstacle}; or the list has names only: --accounts none");
                }
                Accounts::System(SystemAccounts::new(self.account_homes.clone()))
            }
            (_, Some(hub), Some(servers)) => {
                if kind == AccountsKind::Native && self.keep_hashes {
                    bail!(
                        "the Hub keeps hashes of its own and takes none: leave --keep-hashes away"
                    );
                }
                let shared = variable(SHARED_PASSWORD_VARIABLE).filter(|it| !it.is_empty());
                Accounts::Hub(Box::new(HubAccounts {
                    kind,
                    provider: authenticator.map(|it| it.provider),
                    shared_password: shared
                        .filter(|_| kind == AccountsKind::Shared)
                        .map(Secret::new),
                    hub: hub.clone(),
                    servers: servers.clone(),
                    state: state.to_owned(),
                    seen: Arc::default(),
                }))
            }
            _ => bail!(
                "users of the Hub are made by a steward that the Hub has started, with its token \
                 in JUPYTERHUB_API_TOKEN: pipalhub.configure(c, steward=True)"
            ),
        };
        let settings = UserListSettings {
            users_file: self.users_file.clone(),
            state: state.to_owned(),
            keep_hashes: self.keep_hashes,
        };
        let roles = variable(INSTRUCTOR_ROLES_VARIABLE).unwrap_or_default();
        let roles = roles.split(',').filter(|role| !role.is_empty());
        let protection = Protection::new(self.protect.clone(), roles.map(ToOwned::to_owned), hub);
        Ok(UserList::new(settings, accounts, servers, protection))
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn has_shared_password() -> bool {
    variable(SHARED_PASSWORD_VARIABLE).is_some_and(|it| !it.is_empty())
}
