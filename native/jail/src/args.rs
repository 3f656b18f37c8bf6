//! What rein asks for.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

#[derive(Debug, Default, PartialEq)]
pub struct Args {
    pub stdin: bool,
    /// Variables to leave although they change how programs start: the user granted them by name.
    pub keep: Vec<OsString>,
    pub program: OsString,
    pub argv0: OsString,
    pub arguments: Vec<OsString>,
}

impl Args {
    pub fn parse(mut given: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut args = Self::default();
        loop {
            let arg = given.next()?;
            match arg.as_bytes() {
                b"--stdin" => args.stdin = true,
                b"--keep" => args.keep.push(given.next()?),
                b"--" => break,
                _ => return None,
            }
        }
        args.program = given.next()?;
        args.argv0 = given.next()?;
        args.arguments = given.collect();
        args.program.as_bytes().starts_with(b"/").then_some(args)
    }
}

/// Variables that make a program load or run something before itself.
pub fn changes_how_programs_start(name: &OsStr) -> bool {
    const PREFIXES: [&[u8]; 5] = [b"LD_", b"DYLD_", b"BUN_", b"GLIBC_", b"MALLOC_"];
    const NAMES: [&[u8]; 19] = [
        b"BASHOPTS",
        b"BASH_ENV",
        b"ENV",
        b"GCONV_PATH",
        b"GIT_EXTERNAL_DIFF",
        b"GIT_SSH",
        b"GIT_SSH_COMMAND",
        b"HOSTALIASES",
        b"IFS",
        b"LOCPATH",
        b"NODE_OPTIONS",
        b"NLSPATH",
        b"PERL5LIB",
        b"PERL5OPT",
        b"PYTHONHOME",
        b"PYTHONPATH",
        b"PYTHONSTARTUP",
        b"RUBYOPT",
        b"SHELLOPTS",
    ];
    let name = name.as_bytes();
    // Bash reads functions from variables of this form.
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&name) || name.starts_with(b"BASH_FUNC_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Args> {
        Args::parse(text.split(' ').map(OsString::from))
    }

    #[test]
    fn options_end_where_the_program_starts() {
        let args = parse("--stdin --keep A -- /bin/ls ls --stdin --keep").unwrap();
        assert!(args.stdin);
        assert_eq!(args.keep, ["A"]);
        assert_eq!(args.program, "/bin/ls");
        assert_eq!(args.arguments, ["--stdin", "--keep"]);
    }

    #[test]
    fn what_is_unknown_or_missing_starts_nothing() {
        for text in ["", "--", "-- /bin/ls", "-- ls ls", "--other -- /bin/ls ls", "--keep"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn variables_that_run_code_are_known() {
        for name in [
            "LD_PRELOAD",
            "BUN_OPTIONS",
            "NODE_OPTIONS",
            "BASH_ENV",
            "BASH_FUNC_ls%%",
        ] {
            assert!(changes_how_programs_start(OsStr::new(name)), "{name}");
        }
        for name in ["PATH", "HOME", "ENVIRONMENT", "GIT_DIR"] {
            assert!(!changes_how_programs_start(OsStr::new(name)), "{name}");
        }
    }
}
