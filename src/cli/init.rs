//! `edgesig init`: a new repository, or a new signature in one. Writes files that pass `check`, and never over a file
//! that is there.

use super::check::gate;
use super::console::Console;
use super::failure::{Exit, Failure};
use super::load;
use super::lock::LOCK_FILE;
use super::schema::{self, Kind};
use super::workspace::{DEFAULT_SIGNATURES, PROJECT_FILE, project_folder, signature_places};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

const AFTER_HELP: &str = "\
Examples:
  edgesig init my-rules                             a repository in the folder my-rules
  edgesig init --ci github                          with a workflow that checks pull requests
  edgesig init --signature cve-2026-12345-acme      signatures/cve-2026-12345-acme.yaml
  edgesig init signatures/cve --signature acme-rce  signatures/cve/acme-rce.yaml";

#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The repository's folder [default: .], or with --signature the signature's [default: this one
    /// where it is one of the project's, else the first of these, else signatures]
    folder: Option<PathBuf>,
    /// Write one new signature instead
    #[arg(long, value_name = "ID")]
    signature: Option<String>,
    /// Write a file for continuous integration, too
    #[arg(long, value_enum, value_name = "WHERE", conflicts_with = "signature")]
    ci: Option<Ci>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Ci {
    Github,
    Gitlab,
}

pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    match &arguments.signature {
        Some(id) => new_signature(arguments.folder.as_deref(), id, console),
        None => new_repository(arguments.folder.as_deref().unwrap_or(Path::new(".")), arguments.ci, console),
    }
}

fn new_repository(folder: &Path, ci: Option<Ci>, console: &mut Console) -> Result<Exit, Failure> {
    let schema = |kind: Kind| (format!("{}/{}", schema::FOLDER, kind.file_name()), schema::text(kind));
    let with_modeline = |name: &str, kind: Kind, content: String| {
        let modeline = schema::modeline(Path::new(name), Path::new(&schema(kind).0)).unwrap_or_default();
        (name.to_owned(), modeline + &content)
    };
    let mut files = vec![
        with_modeline(PROJECT_FILE, Kind::Project, include_str!("init/edgesig.yaml").to_owned()),
        with_modeline("signatures/example/example-git-folder.yaml", Kind::Signature, example("example-git-folder")),
        ("README.md".to_owned(), include_str!("init/README.md").to_owned()),
        schema(Kind::Signature),
        schema(Kind::Project),
    ];
    files.extend(ci.map(ci_file).map(|(name, content)| (name.to_owned(), content)));
    let fresh: Vec<_> = files.iter().map(|(name, content)| (folder.join(name), content)).collect();
    if fresh[0].0.exists() {
        return Err(Failure::with_help(
            format!("`{}` is there already", fresh[0].0.display()),
            "`edgesig init --signature ID` adds a signature to it",
        ));
    }
    for (path, content) in &fresh {
        // A repository often has a README before it has signatures.
        if path.ends_with("README.md") && path.exists() {
            console.line(&format!("kept    {}", path.display()))?;
            continue;
        }
        create(path, content)?;
        console.line(&format!("created {}", path.display()))?;
    }
    if gate::lock_new_repository(folder, console)? {
        console.line(&format!("created {}", folder.join(LOCK_FILE).display()))?;
    }
    console.line("\nNext: `edgesig check`, then `edgesig build --target varnish`; README.md has a line for CI.")?;
    Ok(Exit::Clean)
}

/// Path and content of the file that a service of continuous integration reads.
fn ci_file(ci: Ci) -> (&'static str, String) {
    let repository = env!("CARGO_PKG_REPOSITORY");
    match ci {
        Ci::Github => {
            (".github/workflows/edgesig.yml", include_str!("init/github.yml").replace("REPOSITORY", repository))
        }
        Ci::Gitlab => {
            let install = format!(
                "  stage: test\n  image: rust:1\n  before_script:\n    \
                 # Not in the checkout: a rust-toolchain.toml or .cargo/config.toml of a merge request would say what runs.\n    \
                 - (cd / && cargo install --locked --git {repository} edgesig)\n"
            );
            (".gitlab-ci.yml", include_str!("../../ci/gitlab.yml").replacen("  stage: test\n", &install, 1))
        }
    }
}

fn new_signature(folder: Option<&Path>, id: &str, console: &mut Console) -> Result<Exit, Failure> {
    if !is_kebab_case(id) {
        let meant = id.to_lowercase().replace(['_', ' ', '.'], "-");
        let example = if is_kebab_case(&meant) { &meant } else { "log4shell-jndi" };
        return Err(Failure::with_help(
            format!("`{id}` cannot be an id"),
            format!("an id is kebab-case: lower-case letters, digits and single hyphens, as in `{example}`"),
        ));
    }
    let path = folder.map_or_else(usual_folder, Path::to_owned).join(format!("{id}.yaml"));
    create(&path, &(modeline(&path).unwrap_or_default() + &example(id)))?;
    console.line(&format!("created {}", path.display()))?;
    console.line(&format!("\nNext: edit it, then `edgesig check {}`.", path.display()))?;
    let created = fs::canonicalize(&path).unwrap_or_default();
    if let Some(root) = project_folder(&created)
        && !is_in_place(&created, &root)
    {
        console.line(&format!(
            "`signatures` in {PROJECT_FILE} does not lead there: add the folder, or `check` and `build` pass it over."
        ))?;
    } else if created.ancestors().any(|folder| folder.join(LOCK_FILE).is_file()) {
        console.line("Before you commit, `edgesig check --update-lock` adds it to the lock file.")?;
    }
    Ok(Exit::Clean)
}

/// Whether the project in the folder `root` reads its signatures from there. Both are without links.
fn is_in_place(path: &Path, root: &Path) -> bool {
    signature_places(root).iter().any(|place| fs::canonicalize(place).is_ok_and(|place| path.starts_with(place)))
}

/// Where a new signature goes: here, where the project reads signatures from, else into the first such folder.
fn usual_folder() -> PathBuf {
    let here = std::env::current_dir().and_then(fs::canonicalize).unwrap_or_default();
    let Some(root) = project_folder(&here) else { return PathBuf::from(DEFAULT_SIGNATURES) };
    if is_in_place(&here, &root) {
        return PathBuf::new();
    }
    let up: PathBuf = here.ancestors().take_while(|folder| *folder != root).map(|_| "..").collect();
    let mut places = signature_places(&root).into_iter().filter(|place| !place.is_file());
    let place = places.next().unwrap_or_else(|| root.join(DEFAULT_SIGNATURES));
    up.join(place.strip_prefix(&root).unwrap_or(&place))
}

/// The line that leads from a new signature to the repository's schema, where there is one.
fn modeline(path: &Path) -> Option<String> {
    let start = std::path::absolute(path).ok()?;
    let root = start.ancestors().skip(1).find(|folder| folder.join(PROJECT_FILE).is_file())?;
    let schema = root.join(schema::FOLDER).join(Kind::Signature.file_name());
    if schema.is_file() { schema::modeline(&start, &schema) } else { None }
}

fn is_kebab_case(id: &str) -> bool {
    id.len() <= 64
        && id
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
}

/// A whole signature with a comment at each key.
fn example(id: &str) -> String {
    let today = load::today(None);
    // Every year has a 365th day after it; the calendar ends in 9999.
    let expires = today.checked_add(jiff::Span::new().days(365)).unwrap_or(today);
    include_str!("init/signature.yaml")
        .replace("ID", id)
        .replace("CREATED", &today.to_string())
        .replace("EXPIRES", &expires.to_string())
}

/// Writes a file that is not there yet, and the folders to it.
fn create(path: &Path, content: &str) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
    let mut file = fs::File::create_new(path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            Failure::usage(format!("`{}` is there already", path.display()))
        } else {
            Failure::file("create", path, &error)
        }
    })?;
    file.write_all(content.as_bytes()).map_err(|error| Failure::file("write", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kebab_case() {
        for id in ["a", "log4shell-jndi", "cve-2021-44228", "a1", "2fa-bypass"] {
            assert!(is_kebab_case(id), "{id}");
        }
        for id in ["", "-a", "a-", "a--b", "A", "a_b", "../a", "a/b", "é"] {
            assert!(!is_kebab_case(id), "{id}");
        }
    }
}
