//! `pipalhub users`: the class's list, by the steward, or by this process where it is an
//! administrator's and there is none.

use std::{
    fs,
    io::{self, IsTerminal, Read},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use shared::users::{NewUser, PreviewResponse, RefusalKind, RefusedUser, UsersChange};
use tokio::runtime;

use super::{
    asker::asker,
    steward::{SocketArg, StewardDataArg},
    user_list::UserListArgs,
    users_output::{
        print_bad, print_change, print_credentials, print_json, print_lines, print_list,
        print_refused,
    },
};
use crate::{
    steward::{
        StewardClient, StewardError,
        desk::Desk,
        protocol::{StewardReply, StewardRequest},
    },
    telemetry::loggable,
};

/// The class's list: who is in it, and their passwords.
///
/// The steward is asked; where there is none, an administrator's process does it itself.
#[derive(Args)]
pub(super) struct UsersArgs {
    #[command(subcommand)]
    command: UsersCommand,
    #[command(flatten)]
    socket: SocketArg,
    #[command(flatten)]
    data: StewardDataArg,
    #[command(flatten)]
    list: UserListArgs,
    /// Print JSON, for scripts.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum UsersCommand {
    /// Add users. Passwords are made and shown, or read.
    Add {
        /// Names of the accounts.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// Read the password of the one user from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Show who is in the list, and whether their accounts are there.
    List,
    /// Add a class: names, `name,password`, a table with a header, or lines of a users.txt.
    Import {
        /// The file; `-` is standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Show what is wrong with which line, and add nobody.
        #[arg(long)]
        dry_run: bool,
        /// Add those whose lines are good where others are not.
        #[arg(long)]
        skip_bad: bool,
    },
    /// Give a user another password.
    Reset {
        /// The name of the account.
        name: String,
        /// Read the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Remove users. Their homes stay, unless --delete-home.
    Remove {
        /// Names of the accounts.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// Delete the home with all that is in it, of the one user that is named here once more.
        #[arg(long, value_name = "NAME")]
        delete_home: Option<String>,
    },
    /// Bring the system to what the list says, now.
    Apply {
        /// Remove so many accounts that are not in the list any more; else a few are, at most.
        #[arg(long, value_name = "N")]
        remove: Option<usize>,
    },
    /// Show who has changed what.
    Audit {
        /// So many changes at most, newest first.
        #[arg(long, value_name = "N", default_value_t = 50)]
        most: usize,
    },
}

pub(super) fn run(args: &UsersArgs) -> anyhow::Result<ExitCode> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let desk = UsersDesk { args };
    runtime.block_on(desk.run())
}

/// The command at work.
struct UsersDesk<'a> {
    args: &'a UsersArgs,
}

impl UsersDesk<'_> {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        match &self.args.command {
            UsersCommand::Add {
                names,
                password_stdin,
            } => self.add(names, *password_stdin).await,
            UsersCommand::List => self.list().await,
            UsersCommand::Import {
                file,
                dry_run,
                skip_bad,
            } => self.import(file, *dry_run, *skip_bad).await,
            UsersCommand::Reset {
                name,
                password_stdin,
            } => self.reset(name, *password_stdin).await,
            UsersCommand::Remove { names, delete_home } => {
                self.remove(names, delete_home.as_deref()).await
            }
            UsersCommand::Apply { remove } => {
                self.change(&StewardRequest::Reconcile { remove: *remove })
                    .await
            }
            UsersCommand::Audit { most } => self.audit(*most).await,
        }
    }

    async fn add(&self, names: &[String], password_stdin: bool) -> anyhow::Result<ExitCode> {
        if password_stdin && names.len() > 1 {
            bail!("--password-stdin is for one user: import a list with passwords for several");
        }
        let password = password_stdin.then(read_password).transpose()?;
        let user = |name: &String| NewUser {
            username: name.clone(),
            password: password.clone(),
        };
        let users = names.iter().map(user).collect();
        self.change(&StewardRequest::AddUsers {
            by: asker(),
            users,
            as_root: true,
        })
        .await
    }

    async fn list(&self) -> anyhow::Result<ExitCode> {
        let users = match self.ask(&StewardRequest::ListUsers {}).await? {
            StewardReply::Users(users) => users,
            other => return unexpected(other),
        };
        if self.args.json {
            return print_json(&users);
        }
        print_list(&users);
        Ok(ExitCode::SUCCESS)
    }

    async fn import(
        &self,
        file: &PathBuf,
        dry_run: bool,
        skip_bad: bool,
    ) -> anyhow::Result<ExitCode> {
        let bytes = match file.as_os_str() == "-" {
            true => {
                let mut bytes = Vec::new();
                io::stdin().read_to_end(&mut bytes).map(|_| bytes)
            }
            false => fs::read(file),
        };
        let bytes = bytes.with_context(|| format!("cannot read {}", file.display()))?;
        let text = String::from_utf8(bytes)
            .with_context(|| format!("{} is not UTF-8: save it as such", file.display()))?;
        let (lines, users) = match self.ask(&StewardRequest::ReadList { text }).await? {
            StewardReply::List(PreviewResponse { lines, users }) => (lines, users),
            other => return unexpected(other),
        };
        let bad = lines.iter().filter(|line| line.problem.is_some()).count();
        if dry_run || (bad > 0 && !skip_bad) {
            if self.args.json {
                print_json(&lines)?;
            } else {
                print_lines(&lines, users.len());
            }
            if !dry_run {
                bail!("nobody is added: mend the lines above, or add the others with --skip-bad");
            }
            return Ok(exit(bad == 0));
        }
        if !self.args.json {
            print_bad(&lines);
        }
        self.change(&StewardRequest::AddUsers {
            by: asker(),
            users,
            as_root: true,
        })
        .await
    }

    async fn reset(&self, name: &str, password_stdin: bool) -> anyhow::Result<ExitCode> {
        let password = password_stdin.then(read_password).transpose()?;
        let request = StewardRequest::ResetPassword {
            by: asker(),
            username: name.to_owned(),
            password,
            as_root: true,
        };
        let credentials = match self.ask(&request).await? {
            StewardReply::Credentials(credentials) => credentials,
            other => return unexpected(other),
        };
        if self.args.json {
            return print_json(&credentials);
        }
        print_credentials(&[credentials]);
        Ok(ExitCode::SUCCESS)
    }

    async fn remove(
        &self,
        names: &[String],
        delete_home: Option<&str>,
    ) -> anyhow::Result<ExitCode> {
        if let Some(home) = delete_home
            && names != [home]
        {
            bail!("--delete-home names the one user who is removed, once more: nothing is done");
        }
        let mut change = UsersChange::default();
        for name in names {
            let request = StewardRequest::RemoveUser {
                by: asker(),
                username: name.clone(),
                as_root: true,
            };
            let is_left_home = delete_home.is_some();
            match self.answer(&request).await? {
                StewardReply::Done {} => change.removed.push(name.clone()),
                // The home of somebody who was removed before can be deleted, too.
                StewardReply::Refused { .. } if is_left_home => {}
                StewardReply::Refused { reason, .. } => change.refused.push(RefusedUser {
                    username: name.clone(),
                    kind: RefusalKind::Account,
                    reason,
                }),
                other => return unexpected(other),
            }
        }
        if let Some(home) = delete_home {
            self.ask(&StewardRequest::DeleteHome {
                by: asker(),
                username: home.to_owned(),
                as_root: true,
            })
            .await?;
        }
        if self.args.json {
            print_json(&change)?;
        } else {
            for name in &change.removed {
                match delete_home {
                    Some(_) => println!("{name} is removed, and their home is deleted."),
                    None => println!("{name} is removed. Their home stays."),
                }
            }
            print_refused(&change.refused);
        }
        Ok(exit(change.refused.is_empty()))
    }

    async fn audit(&self, most: usize) -> anyhow::Result<ExitCode> {
        let entries = match self.ask(&StewardRequest::Audit { most }).await? {
            StewardReply::Audit { entries } => entries,
            other => return unexpected(other),
        };
        if self.args.json {
            return print_json(&entries);
        }
        for it in &entries {
            let failure = it.failure.as_ref().map(|why| format!(": failed, {why}"));
            println!(
                "{}  {}  {} {}{}",
                crate::time::iso(it.at_ms),
                loggable(&it.by),
                it.action,
                loggable(&it.subject),
                failure.unwrap_or_default()
            );
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Asks for a change, and prints it.
    async fn change(&self, request: &StewardRequest) -> anyhow::Result<ExitCode> {
        let change = match self.ask(request).await? {
            StewardReply::Change(change) => change,
            other => return unexpected(other),
        };
        if self.args.json {
            print_json(&change)?;
        } else {
            print_change(&change);
        }
        Ok(exit(change.refused.is_empty()))
    }

    /// The answer to a request; a refusal is an error.
    async fn ask(&self, request: &StewardRequest) -> anyhow::Result<StewardReply> {
        match self.answer(request).await? {
            StewardReply::Refused { reason, .. } => bail!(reason),
            answer => Ok(answer),
        }
    }

    async fn answer(&self, request: &StewardRequest) -> anyhow::Result<StewardReply> {
        let bar = progress_bar();
        let mut on_progress = |reply| {
            if let StewardReply::Progress { done, of } = reply {
                bar.set_length(of as u64);
                bar.set_position(done as u64);
            }
        };
        let socket = self.args.socket.socket.clone();
        let asked = StewardClient::new(socket)
            .ask(request, &mut on_progress)
            .await;
        let answer = match asked {
            Err(StewardError::Absent(path)) => {
                let opened = self.args.list.open(&self.args.data.steward_data).await;
                let list = opened.with_context(|| {
                    format!(
                        "no steward listens at {} (--steward-socket), and this process cannot do it itself",
                        path.display()
                    )
                })?;
                let desk = Desk {
                    users: Some(list),
                    packages: None,
                };
                desk.handle(request, true, &mut on_progress).await
            }
            other => other?,
        };
        bar.finish_and_clear();
        Ok(answer)
    }
}

fn read_password() -> anyhow::Result<String> {
    let mut text = String::new();
    io::stdin()
        .read_line(&mut text)
        .context("cannot read the password")?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        bail!("the password on standard input is empty");
    }
    Ok(text.to_owned())
}

fn progress_bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len} accounts");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn exit(is_good: bool) -> ExitCode {
    match is_good {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn unexpected<T>(_: StewardReply) -> anyhow::Result<T> {
    bail!("the steward has answered something else: is it of another version?")
}
