//! Unified diffs of texts, as `git apply` and `patch -p0` take them.

use std::fmt::Write as _;
use std::time::Duration;

use similar::{ChangeTag, TextDiff};

/// The shortest diff is looked for so long; after that what is left is told as removed and added as a whole.
const PATIENCE: Duration = Duration::from_millis(500);

/// The names in a diff's header, and how many unchanged lines surround a change.
pub struct Options<'a> {
    pub old_name: &'a str,
    pub new_name: &'a str,
    pub context: u32,
}

/// The diff from `old` to `new`; empty when they are the same.
pub fn unified(old: &str, new: &str, options: &Options) -> String {
    // Not the crate's own notion of a line: only LF ends one, or a stray CR would make a diff that does not apply.
    let old_lines: Vec<&str> = old.split_inclusive('\n').collect();
    let new_lines: Vec<&str> = new.split_inclusive('\n').collect();
    let diff = TextDiff::configure()
        .timeout(PATIENCE)
        .diff_slices(&old_lines, &new_lines);
    let mut out = String::new();
    for hunk in diff
        .unified_diff()
        .context_radius(options.context as usize)
        .iter_hunks()
    {
        if out.is_empty() {
            header(&mut out, "---", options.old_name);
            header(&mut out, "+++", options.new_name);
        }
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", hunk.header());
        for change in hunk.iter_changes() {
            out.push(match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            });
            out.push_str(change.value());
            if !change.value().ends_with('\n') {
                out.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    out
}

/// A name as git writes it: quoted where it holds what a line cannot, with a TAB behind where its end would not be seen.
fn header(out: &mut String, mark: &str, name: &str) {
    out.push_str(mark);
    out.push(' ');
    if name.contains(|c: char| c.is_ascii_control() || matches!(c, '"' | '\\')) {
        out.push('"');
        for c in name.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                c if c.is_ascii_control() => out.push_str(&format!("\\{:03o}", c as u32)),
                c => out.push(c),
            }
        }
        out.push('"');
    } else {
        out.push_str(name);
        if name.contains(' ') {
            out.push('\t');
        }
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(old: &str, new: &str) -> String {
        unified(
            old,
            new,
            &Options {
                old_name: "a",
                new_name: "b",
                context: 1,
            },
        )
    }

    #[test]
    fn equal_texts_have_no_diff() {
        assert_eq!(diff("", ""), "");
        assert_eq!(diff("a\nb", "a\nb"), "");
    }

    #[test]
    fn a_missing_newline_is_told_on_the_side_that_lacks_it() {
        assert_eq!(
            diff("a\n", "a"),
            "--- a\n+++ b\n@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n"
        );
        assert_eq!(
            diff("", "a\r"),
            "--- a\n+++ b\n@@ -0,0 +1 @@\n+a\r\n\\ No newline at end of file\n"
        );
    }

    #[test]
    fn a_carriage_return_is_part_of_its_line() {
        assert_eq!(
            diff("a\rb\r\n", "a\rc\r\n"),
            "--- a\n+++ b\n@@ -1 +1 @@\n-a\rb\r\n+a\rc\r\n"
        );
    }

    #[test]
    fn only_lines_near_a_change_are_shown() {
        let old: String = (0..100).map(|i| format!("{i}\n")).collect();
        let new = old.replace("50\n", "fifty\n");
        assert_eq!(
            diff(&old, &new),
            "--- a\n+++ b\n@@ -50,3 +50,3 @@\n 49\n-50\n+fifty\n 51\n"
        );
    }

    #[test]
    fn odd_names_stay_on_their_line() {
        let options = Options {
            old_name: "my file",
            new_name: "a\n\"b\"",
            context: 3,
        };
        assert!(unified("", "x\n", &options).starts_with("--- my file\t\n+++ \"a\\012\\\"b\\\"\"\n@@"));
    }

    #[test]
    fn texts_without_a_common_line_end_in_time() {
        let text = |seed: u64| -> String { (0..100_000u64).map(|i| format!("{}\n", (i * seed) % 99_991)).collect() };
        let (old, new) = (text(7), text(31));
        assert!(diff(&old, &new).lines().count() > 1000);
    }
}
