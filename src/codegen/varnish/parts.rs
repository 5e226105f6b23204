//! The blocks of many rules on all cores, to the byte what they are one after the other: some rules in a row are a part,
//! with a generator of its own that the whole then takes over, part by part in order. What has a number or a name in a part
//! gets that of the whole. Called by `driver`; it saves about half of the time that a large set takes here on two cores.

use super::super::vcl::{Expression, Statement};
use super::Generator;
use super::views::{View, Views};
use crate::ir::Rule;
use rayon::prelude::*;
use std::collections::HashMap;

/// Fewer rules are no part: what several parts have in common is translated in each.
const SMALLEST: usize = 250;

/// Of a part, what has another name in the whole.
#[derive(Debug, Default)]
pub struct Renamed {
    /// Variables of the flags that checks of list elements set.
    pub variables: HashMap<String, String>,
    pub acls: HashMap<String, String>,
}

impl<'r> Generator<'r> {
    /// The blocks of rules that are no `allow` and have no rate: what those two read of the generator is not of a part.
    pub(super) fn rule_blocks(&mut self, rules: &[&'r Rule]) -> Vec<Statement> {
        // More parts than threads: not every rule is as large.
        let size = rules.len().div_ceil(4 * rayon::current_num_threads()).max(SMALLEST);
        let of_parts = if rules.len() > size { self.blocks_of_parts(rules, size) } else { None };
        of_parts.unwrap_or_else(|| rules.iter().map(|rule| self.rule_block(rule)).collect())
    }

    /// `None`, and the generator as it was: there is something to say, which is said in the order of the rules.
    fn blocks_of_parts(&mut self, rules: &[&'r Rule], size: usize) -> Option<Vec<Statement>> {
        let parts: Vec<(Vec<Statement>, Generator<'r>)> = rules
            .par_chunks(size)
            .map(|rules| {
                let mut part = Generator { names: self.names.clone(), ..Generator::new(self.ruleset) };
                (rules.iter().map(|rule| part.rule_block(rule)).collect(), part)
            })
            .collect();
        // Paths that are normalised are kept in the order of their rules, of which parts know nothing.
        let is_plain = |part: &Generator<'_>| part.diagnostics.list.is_empty() && part.normalizes.is_empty();
        if !parts.iter().all(|(_, part)| is_plain(part)) {
            return None;
        }
        let mut blocks: Vec<(Vec<Statement>, Renamed)> =
            parts.into_iter().map(|(blocks, part)| (blocks, self.absorb(part))).collect();
        blocks.par_iter_mut().for_each(|(blocks, renamed)| renamed.apply(blocks));
        Some(blocks.into_iter().flat_map(|(blocks, _)| blocks).collect())
    }

    /// Takes over what a part has collected. A field more has to be thought of here.
    fn absorb(&mut self, part: Generator<'r>) -> Renamed {
        let Generator {
            // The same in every part.
            ruleset: _,
            settings: _,
            subs: _,
            // Of the part alone.
            names: _,
            // Empty: see `blocks_of_parts`.
            diagnostics: _,
            normalizes: _,
            // Made after the rules.
            joins_answers: _,
            takes: _,
            reckons: _,
            vmods,
            rule,
            headers,
            views,
            visits,
            acls,
            tags,
            strips,
            redirects_url,
            canary,
            reads_url,
            reads_body,
            reads_names,
            measures_method,
            uses_trust,
            walks,
            keyed,
        } = part;
        self.vmods.extend(vmods);
        self.rule = rule;
        self.headers.extend(headers);
        self.views.absorb(views);
        self.tags.extend(tags);
        self.strips.extend(strips);
        self.redirects_url |= redirects_url;
        self.canary |= canary;
        self.reads_url |= reads_url;
        self.reads_body |= reads_body;
        self.reads_names |= reads_names;
        self.measures_method |= measures_method;
        self.uses_trust |= uses_trust;
        self.walks |= walks;
        self.keyed.extend(keyed);
        let mut renamed = Renamed::default();
        visits.into_iter().for_each(|visit| self.absorb_visit(visit, &mut renamed));
        self.absorb_acls(acls, &mut renamed);
        renamed
    }
}

impl Views {
    fn absorb(&mut self, part: Views) {
        let Views { url_fields, twice, host, proto, forwarded, functions, element_functions, prefixes } = part;
        self.url_fields.extend(url_fields);
        self.twice.extend(twice);
        self.host |= host;
        self.proto |= proto;
        self.forwarded |= forwarded;
        add_functions(&mut self.functions, functions);
        add_functions(&mut self.element_functions, element_functions);
        self.prefixes.extend(prefixes);
    }
}

/// Functions that are not there yet. A function comes after those that it is applied to, here as there.
pub fn add_functions(functions: &mut Vec<View>, more: Vec<View>) {
    for view in more {
        if functions.iter().all(|known| known.value != view.value) {
            functions.push(view);
        }
    }
}

impl Renamed {
    fn apply(&self, blocks: &mut [Statement]) {
        if self.variables.is_empty() && self.acls.is_empty() {
            return;
        }
        for block in blocks {
            let Statement::Signature(_, body) = block else { continue };
            for statement in body {
                // What a rule does when it matches has neither flags nor ACLs.
                let Statement::If { branches, .. } = statement else { continue };
                branches.iter_mut().for_each(|(condition, _)| self.rename(condition));
            }
        }
    }

    fn rename(&self, condition: &mut Expression) {
        match condition {
            Expression::Call(function, arguments) if function == "var.get_int" => {
                if let [(None, Expression::Text(variable))] = arguments.as_mut_slice()
                    && let Some(name) = self.variables.get(variable)
                {
                    variable.clone_from(name);
                }
            }
            Expression::Name(name) => {
                if let Some(acl) = self.acls.get(name.as_ref()) {
                    *name = acl.clone().into();
                }
            }
            Expression::Compare(_, left, right) => {
                self.rename(left);
                self.rename(right);
            }
            Expression::Not(inner) => self.rename(inner),
            Expression::And(parts) | Expression::Or(parts) => parts.iter_mut().for_each(|part| self.rename(part)),
            Expression::Call(..)
            | Expression::Text(_)
            | Expression::Pattern(_)
            | Expression::Integer(_)
            | Expression::Duration(_)
            | Expression::Bytes(_)
            | Expression::Boolean(_)
            | Expression::Header(..)
            | Expression::Sum(_)
            | Expression::Difference(..)
            | Expression::Product(..) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::ir::Ruleset;
    use crate::semantic::Files;
    use crate::source::{SourceId, SourceMap};

    struct NoFiles;

    impl Files for NoFiles {
        fn read(&self, _: SourceId, path: &str) -> Result<Vec<u8>, String> {
            Err(format!("there is no {path}"))
        }
    }

    /// Conditions that share lists, functions, checks and networks with others near and far.
    const CONDITIONS: &[&str] = &[
        r#"req.args["a"] == "x" or req.args["b"] contains "y""#,
        r#"client.ip in [192.0.2.0/24] and req.cookies["s"] == "1""#,
        r#"req.args["b"] contains "y" and not any(req.args["a"] matches r"z+")"#,
        r#"client.ip in [198.51.100.0/24] or any_form(req.args["a"]) == "q""#,
        r#"lower(trim(req.headers["x"])) == "a" and all(req.arg_names != "n")"#,
        r#"client.ip in [192.0.2.0/24] and prefix(client.ip, 24, 56) == 192.0.2.0"#,
        r#"any(lower(req.args["b"]) matches r"^y") or url_decode(req.path) contains "..""#,
        r#"req.args["a"] == "edgesig:req.args[a] #1" or req.cookies["t"] exists"#,
        r#"req.args["a"] == "x" and req.body contains "b""#,
        r#"trim(req.headers["x"]) == "b" or req.args["c"] == "c""#,
    ];

    fn ruleset(count: usize) -> Ruleset {
        let mut sources = SourceMap::default();
        let ids: Vec<SourceId> = (0..count)
            .map(|number| {
                let when = CONDITIONS[(number * 7 + number / 10) % CONDITIONS.len()].replace(
                    r#"req.cookies["t"] exists"#,
                    r#"exists req.cookies["t"]"#,
                );
                let mode = ["enforce", "canary 10%", "monitor"][number % 3];
                let then = ["block", "[tag(\"t\"), log]", "[strip(\"x-y\"), log]"][number % 3];
                let text = format!(
                    "edgesig: 1\nid: r{number:03}\ntitle: t\nseverity: low\nmode: {mode}\nwhen: |\n  {when}\nthen: {then}\n"
                );
                sources.add(format!("r{number:03}.yaml"), text)
            })
            .collect();
        let mut diagnostics = Diagnostics::default();
        let signatures = crate::parse_signatures(&sources, &ids, &mut diagnostics);
        let ruleset = crate::analyze(&sources, None, &signatures, &NoFiles, &mut diagnostics);
        assert!(!diagnostics.has_errors(), "{:?}", diagnostics.list);
        assert_eq!(ruleset.rules.len(), count);
        ruleset
    }

    /// All that is built of the generator's state afterwards.
    fn outcome(generator: &mut Generator<'_>, blocks: &[Statement]) -> String {
        let lists = [generator.visit_items(true), generator.visit_items(false)];
        let collected = (&generator.vmods, &generator.headers, &generator.views, &generator.tags, &generator.strips);
        let flags = [generator.canary, generator.reads_url, generator.reads_body, generator.reads_names];
        format!("{blocks:#?}\n{lists:#?}\n{:#?}\n{collected:#?}\n{flags:?}", generator.acl_items())
    }

    #[test]
    fn parts_give_what_one_walk_gives() {
        let ruleset = ruleset(60);
        let rules: Vec<&Rule> = ruleset.rules.iter().map(AsRef::as_ref).collect();
        let mut generator = Generator::new(&ruleset);
        let blocks: Vec<Statement> = rules.iter().map(|rule| generator.rule_block(rule)).collect();
        assert!(generator.diagnostics.list.is_empty(), "{:?}", generator.diagnostics.list);
        let expected = outcome(&mut generator, &blocks);
        for size in [1, 2, 7, 25, 100] {
            let mut generator = Generator::new(&ruleset);
            let blocks = generator.blocks_of_parts(&rules, size).unwrap();
            assert!(outcome(&mut generator, &blocks) == expected, "parts of {size}");
        }
    }
}
