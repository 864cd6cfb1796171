//! The trainer's handbook, walked on a bare server by its own lines: from nothing to a class, and the
//! evening after.

use anyhow::{Context, Result, ensure};
use tests::{
    documents::{RunBlock, code_block, run_blocks},
    fresh::{BareServer, NEW_PROGRAM},
    stopwatch::Stopwatch,
};

use crate::setup::HOST;

const PAGE: &str = "docs/handbook.md";
/// The hostname of the handbook.
const ALPHA: &str = "alpha-lab.pipal.in";

#[tokio::test]
#[ignore = "needs root and images: cargo xtask fresh"]
async fn the_handbook_is_walked_on_a_server_of_ones_own() -> Result<()> {
    let mut stopwatch = Stopwatch::start();
    let server = BareServer::start("PIPALHUB_FRESH_BARE", &[]).await?;
    let walk = HandbookWalk { server: &server };
    walk.prepare()?;
    stopwatch.lap("a bare server");

    let [setup, import] = <[RunBlock; 2]>::try_from(run_blocks(PAGE, "own-server")?)
        .ok()
        .context("a server of one's own takes two blocks")?;
    let options = [
        (ALPHA, HOST),
        ("--email ines@example.org", "--no-docker --no-tls"),
    ];
    walk.block(&setup.with(&options)?)?;
    stopwatch.lap("set up");
    let said = walk.block(&import)?;
    ensure!(said.contains("3 added, 0 not."), "{said}");
    server.run(&["test", "-f", "/home/ana/Welcome.ipynb"])?;

    walk.packages_by_proxy()?;
    for block in run_blocks(PAGE, "evening-before")? {
        walk.block(&block)?;
    }
    let imported = [
        "/opt/pipalhub/participants/bin/python3",
        "-c",
        "import humanize",
    ];
    server.run(&imported)?;
    stopwatch.lap("the evening before");

    for (page, run) in [
        ("docs/handbook/trouble.md", "trouble"),
        ("docs/handbook/upkeep.md", "backup"),
    ] {
        for block in run_blocks(page, run)? {
            walk.block(&block)?;
        }
    }
    stopwatch.lap("what to do when");

    for block in run_blocks(PAGE, "evening-after")? {
        let said = walk.block(&block)?;
        ensure!(said.contains("written and checked"), "{said}");
        ensure!(!said.contains("list is not in it"), "{said}");
    }
    let verify = ["pipalhub", "archive", "--verify", "/var/tmp/alpha.zip"];
    let said = server.run(&verify)?;
    ensure!(said.contains(&format!(" on {HOST} ")), "{said}");
    stopwatch.lap("the evening after");
    Ok(())
}

struct HandbookWalk<'a> {
    server: &'a BareServer,
}

impl HandbookWalk<'_> {
    /// The program and the class, where the handbook has them; curl, which the images of clouds have.
    fn prepare(&self) -> Result<()> {
        let class = code_block(PAGE, "The class", "text")?;
        self.server.write("/root/class.csv", class.as_bytes())?;
        self.server
            .run(&["ln", "-s", NEW_PROGRAM, "/root/pipalhub"])?;
        let curl = "apt-get --quiet=2 update && apt-get --quiet=2 install --yes curl";
        self.lines(curl).map(drop)
    }

    /// Has packages come by the proxy, as everything on this server does.
    fn packages_by_proxy(&self) -> Result<()> {
        let tell = "cat /etc/environment >> /etc/pipalhub/packages.env && \
                    systemctl restart pipalhub-packages && \
                    timeout 60 sh -c 'until test -S /run/pipalhub-packages/steward.sock; do sleep 0.2; done'";
        self.lines(tell).map(drop)
    }

    fn block(&self, block: &RunBlock) -> Result<String> {
        let RunBlock {
            page,
            section,
            code,
        } = block;
        self.lines(code)
            .with_context(|| format!("{page}, {section:?}"))
    }

    /// Runs lines of shell in root's home; what they say.
    fn lines(&self, lines: &str) -> Result<String> {
        // sudo forgets the proxy that packages come by.
        let lines = lines.replace("sudo ", "sudo --preserve-env ");
        let lines = format!("cd /root\n{lines}");
        let end = self.server.run_to_end(&["sh", "-ec", &lines])?;
        ensure!(end.is_ok, "{lines}\n{}", end.text);
        Ok(end.text)
    }
}
