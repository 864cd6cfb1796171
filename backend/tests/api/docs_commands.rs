//! Commands in the documentation are ones that the program has: each `pipalhub …` in a block of
//! shell or in the text names a command that there is, and options that it takes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use backend::cli::Cli;
use clap::{Command, CommandFactory};

/// Words that may stand before the program in a line of shell.
const BEFORE: &[&str] = &[
    "sudo", "env", "exec", "time", "nice", "then", "do", "if", "!", "&&", "||",
];

#[test]
fn every_command_in_the_documentation_is_one_of_the_programs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut pages = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    pages.extend(pages_below(&root.join("docs")));
    pages.extend(["singleuser", "wheel"].map(|it| root.join(it).join("README.md")));
    let program = whole_program();
    let mut wrong = Vec::new();
    let mut found = 0;
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for command in commands_in(&text) {
            found += 1;
            if let Err(reason) = check(&program, &command) {
                let page = page.strip_prefix(root).unwrap().display();
                wrong.push(format!("{page}: {}: {reason}", command.join(" ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(found > 100, "only {found} commands were found");
}

/// The program, with the options that each command takes from those above it.
fn whole_program() -> Command {
    let mut program = Cli::command();
    program.build();
    program
}

/// The pages in a folder and in those below it.
pub(crate) fn pages_below(folder: &Path) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages.extend(pages_below(&path));
        } else if path.extension().is_some_and(|it| it == "md") {
            pages.push(path);
        }
    }
    pages
}

/// The words of every command, after the program's name.
fn commands_in(page: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let mut language: Option<&str> = None;
    let mut text = String::new();
    let mut shell = String::new();
    for line in page.lines() {
        match (line.trim_start().strip_prefix("```"), language) {
            (Some(info), None) => language = Some(info.split(' ').next().unwrap_or_default()),
            (Some(_), Some(_)) => language = None,
            (None, Some("shell")) => shell += &format!("{line}\n"),
            (None, Some(_)) => {}
            (None, None) => text += &format!("{line} "),
        }
    }
    let shell = shell.replace("\\\n", " ");
    commands.extend(shell.lines().flat_map(commands_of_line));
    let spans = text.split('`').skip(1).step_by(2);
    commands.extend(spans.flat_map(commands_of_line));
    commands
}

fn commands_of_line(line: &str) -> Vec<Vec<String>> {
    let line = line.split(" # ").next().unwrap_or_default();
    let spaced = line
        .replace('|', " | ")
        .replace(';', " ; ")
        .replace("$(", " | ")
        .replace(')', " ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let is_end = |word: &&str| {
        matches!(
            *word,
            "|" | ";" | "&&" | "||" | "<" | ">" | ">>" | "2>" | "&"
        )
    };
    let simple = words.split(is_end);
    simple.filter_map(program_words).collect()
}

/// The words after `pipalhub`, where that is the program that a simple command runs.
fn program_words(words: &[&str]) -> Option<Vec<String>> {
    let is_program = |word: &&str| *word == "pipalhub" || word.ends_with("/pipalhub");
    let at = words.iter().position(is_program)?;
    let is_before = |word: &&str| BEFORE.contains(word) || word.contains('=') || *word == "$";
    words[..at].iter().all(is_before).then_some(())?;
    let rest = &words[at + 1..];
    // The name alone, or a program's path as an argument, is no command.
    let first = rest.first()?.trim_matches(['[', ']']);
    // Nor is the folder of the name, `pipalhub in $XDG_DATA_HOME`.
    let is_word =
        |word: &str| word != "in" && word.starts_with(|c: char| c.is_ascii_lowercase() || c == '-');
    is_word(first).then(|| rest.iter().map(|it| (*it).to_owned()).collect())
}

/// Whether the program has such a command with such options.
fn check(program: &Command, words: &[String]) -> Result<(), String> {
    let mut command = program;
    let mut path = Vec::new();
    for word in words {
        let word = word.trim_matches(['[', ']', '\'', '"']);
        if word == "--" {
            break;
        }
        if let Some(long) = word.strip_prefix("--") {
            let name = long.split('=').next().unwrap_or_default();
            let is_there = command
                .get_arguments()
                .any(|it| it.get_long() == Some(name));
            if !is_there {
                return Err(format!("pipalhub {} has no --{name}", path.join(" ")));
            }
        } else if let Some(short) = word.strip_prefix('-').filter(|it| it.len() == 1) {
            let is_there = command
                .get_arguments()
                .any(|it| it.get_short() == short.chars().next());
            if !is_there {
                return Err(format!("pipalhub {} has no -{short}", path.join(" ")));
            }
        } else if command.has_subcommands() {
            // A placeholder stands for any command.
            if !word.starts_with(|c: char| c.is_ascii_lowercase()) {
                break;
            }
            match command.find_subcommand(word) {
                Some(below) => command = below,
                None => return Err(format!("there is no {word:?}")),
            }
            path.push(word);
        }
    }
    Ok(())
}

#[test]
fn a_wrong_command_is_found_wherever_it_stands() {
    let program = whole_program();
    let wrong = |page: &str| -> Vec<String> {
        let commands = commands_in(page).into_iter();
        commands
            .filter_map(|it| check(&program, &it).err())
            .collect()
    };
    let page = "Run `pipalhub usres list`, or `pipalhub users list --jsn`, then:\n\
        ```shell\nsudo env A=b /usr/bin/pipalhub serve \\\n  --bnd 127.0.0.1:1 | tee x\n\
        pipalhub archive --verify a.zip && pipalhub tial -n 3 a.ipynb\n```\n";
    let found = wrong(page);
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found.iter().any(|it| it.contains("\"usres\"")), "{found:?}");
    assert!(found.iter().any(|it| it.contains("--jsn")), "{found:?}");
    assert!(found.iter().any(|it| it.contains("--bnd")), "{found:?}");
    assert!(found.iter().any(|it| it.contains("\"tial\"")), "{found:?}");
    let good = "`pipalhub users --json import FILE`, `pipalhub tail [-n CELLS] FILE...`, `pipalhub`\n\
        ```shell\nsudo systemctl enable --now pipalhub\nsudo docker run --name pipalhub --rm x\n\
        pipalhub nginx-site hub.example.org --no-tls |\n    sudo tee x\n```\n\
        ```text\npipalhub nonsense\n```\n";
    assert_eq!(wrong(good), Vec::<String>::new());
    assert_eq!(commands_in(good).len(), 3);
}
