//! `pipalhub create-node`: a server in the cloud for a class, made or gone on with.

use std::{
    env::{self, consts},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;

use super::{
    cloud_account::{CloudArgs, account, one_thread, print_plan},
    setup_node::parse_name,
    step_lines::StepLines,
};
use crate::{
    cloud::{
        BroughtClass, CreatedNode, NodeClass, NodeCreation, NodeFolder, NodeHostname, NodeRequest,
        NodeSettings, NodeSetup,
    },
    users::name::Username,
};

/// Make a server at DigitalOcean for a class: droplet, address, DNS record, Hub, certificate.
///
/// DIGITALOCEAN_TOKEN is a token of the account. One of the account's SSH keys must be on this
/// machine, and DigitalOcean must serve the DNS of the base domain. Run again, it goes on where it
/// was, and makes nothing twice; pipalhub destroy-node removes what it has made. What is on the
/// server is set up there by pipalhub setup-node.
#[derive(Args)]
pub(super) struct CreateNodeArgs {
    #[command(flatten)]
    cloud: CloudArgs,
    /// small, medium or large, or what the settings have.
    #[arg(long, value_name = "SIZE")]
    size: String,
    /// The hostname: alpha-lab, or with the base domain alpha-lab.pipal.in.
    #[arg(long, value_name = "HOSTNAME")]
    hostname: String,
    /// Let the hostname's DNS record lead to this node, though it was not made from here.
    #[arg(long)]
    take_record: bool,
    /// Leave the server as it comes.
    #[arg(long)]
    no_setup: bool,
    /// Who teaches, and gets an account with the class; may be given several times.
    #[arg(long = "instructor", value_name = "NAME", value_parser = parse_name, conflicts_with = "no_setup")]
    instructors: Vec<Username>,
    /// The program that is copied to the server and run there, for its system. [default: this one]
    #[arg(long, value_name = "FILE", conflicts_with = "no_setup")]
    setup_program: Option<PathBuf>,
    /// The class: names, `name,password`, a table with a header, or lines of a users.txt. It is
    /// checked before anything is made; passwords are made, and kept here with cards to print.
    #[arg(long, value_name = "FILE", conflicts_with = "no_setup")]
    users: Option<PathBuf>,
}

pub(super) fn run(args: &CreateNodeArgs) -> anyhow::Result<ExitCode> {
    let settings = args.cloud.settings()?;
    let request = NodeRequest {
        name: args.cloud.name.clone(),
        hostname: NodeHostname::parse(&args.hostname, &settings.base_domain)?,
        size: settings.size(&args.size)?.to_owned(),
        may_take_record: args.take_record,
    };
    let instructors = &args.instructors;
    let class = match &args.users {
        Some(file) => Some(NodeClass::read(file, instructors)?),
        None => NodeClass::of_instructors(instructors),
    };
    let setup = setup(args, &settings)?;
    let account = account(&settings)?;
    let nodes = args.cloud.nodes()?;
    let folder = match args.cloud.dry_run {
        true => NodeFolder::look(&nodes, &request.name)?,
        false => NodeFolder::take(&nodes, &request.name)?,
    };
    let lines = StepLines::new();
    let creation = NodeCreation {
        cloud: &account,
        settings: &settings,
        folder: &folder,
        request: &request,
        setup: setup.as_ref(),
        class: class.as_ref(),
        progress: &lines,
    };
    let runtime = one_thread()?;
    if args.cloud.dry_run {
        print_plan(&runtime.block_on(creation.plan())?);
        return Ok(ExitCode::SUCCESS);
    }
    let CreatedNode { state, class } = runtime
        .block_on(creation.run())
        .inspect_err(|_| println!())?;
    println!("{} is there, after {}", state.hostname, lines.total());
    if !state.is_set_up {
        println!("It is a bare server: the setup was left out.");
    }
    if let Some(class) = &class {
        tell_class(class);
    }
    Ok(ExitCode::SUCCESS)
}

/// Says where passwords are, and whose are not.
fn tell_class(class: &BroughtClass) {
    if let Some([passwords, cards]) = &class.papers {
        println!("passwords of the class:  {}", passwords.display());
        println!("cards to print:          {}", cards.display());
    }
    if !class.without_password.is_empty() {
        println!(
            "They were added on the server and keep the passwords that they have, which are not on \
             the cards: {}. The page Users makes others.",
            class.without_password.join(", ")
        );
    }
}

/// How the server is set up; refused before anything is made, when it cannot be.
fn setup(args: &CreateNodeArgs, settings: &NodeSettings) -> anyhow::Result<Option<NodeSetup>> {
    if args.no_setup {
        return Ok(None);
    }
    let program = match &args.setup_program {
        Some(program) => program.clone(),
        None => own_program()?,
    };
    if !program.is_file() {
        bail!("there is no program {}", program.display());
    }
    Ok(Some(NodeSetup {
        program,
        options: setup_options(settings, &args.instructors),
        timeout: Duration::from_secs(settings.setup_wait_seconds),
    }))
}

fn setup_options(settings: &NodeSettings, instructors: &[Username]) -> Vec<String> {
    let named = instructors
        .iter()
        .map(|name| format!("--instructor={name}"));
    let mut options: Vec<_> = named.collect();
    if !options.is_empty() {
        // They come with the class, whose passwords are made here.
        options.push("--no-accounts".to_owned());
    }
    if !settings.email.is_empty() {
        options.push(format!("--email={}", settings.email));
    }
    if !settings.authority.is_empty() {
        options.push(format!("--authority={}", settings.authority));
    }
    if !settings.docker {
        options.push("--no-docker".to_owned());
    }
    options
}

/// This program, where the server can run it.
fn own_program() -> anyhow::Result<PathBuf> {
    if (consts::OS, consts::ARCH) != ("linux", "x86_64") {
        bail!(
            "this program is for {} on {}, and the server needs one for Linux on x86-64: name it \
             with --setup-program",
            consts::OS,
            consts::ARCH
        );
    }
    env::current_exe().context("cannot find this program: name it with --setup-program")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_decide_how_a_server_is_set_up() {
        let mut settings = NodeSettings::default();
        assert_eq!(setup_options(&settings, &[]), [""; 0]);
        settings.email = "trainer@pipal.in".to_owned();
        settings.docker = false;
        let options = setup_options(&settings, &[parse_name("ines").unwrap()]);
        let expected = [
            "--instructor=ines",
            "--no-accounts",
            "--email=trainer@pipal.in",
            "--no-docker",
        ];
        assert_eq!(options, expected);
    }
}
