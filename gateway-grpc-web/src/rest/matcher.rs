//! Finds the rule of a path: a tree of segments in which what is said exactly comes before `*`, and that before `**`.

use std::collections::{BTreeSet, HashMap};

use http::Method;

use super::template::{Segment, Template, decode};

/// The tree. `T` is what a rule leads to.
#[derive(Debug)]
pub(crate) struct Matcher<T> {
    root: Node<T>,
    /// Every verb of every template. `…:x` is a verb only when some template has it, else `:x` belongs to the segment.
    verbs: BTreeSet<String>,
}

#[derive(Debug)]
struct Node<T> {
    literals: HashMap<String, Node<T>>,
    one: Option<Box<Node<T>>>,
    rest: Option<Box<Node<T>>>,
    ends: Vec<End<T>>,
}

#[derive(Debug)]
struct End<T> {
    verb: Option<String>,
    method: Method,
    target: T,
}

/// What stands at a path.
#[derive(Debug)]
pub(crate) enum Found<'a, 'p, T> {
    /// A rule, and the path's segments as they came, without the verb.
    Rule(&'a T, Vec<&'p str>),
    /// Rules, but none for this method; these are the methods they are for.
    OtherMethods(BTreeSet<&'a str>),
    /// Nothing.
    Nothing,
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { literals: HashMap::new(), one: None, rest: None, ends: Vec::new() }
    }
}

impl<T> Default for Matcher<T> {
    fn default() -> Self {
        Self { root: Node::default(), verbs: BTreeSet::new() }
    }
}

impl<T> Matcher<T> {
    /// Adds a rule. Two rules that match the same paths cannot both stand: gives back the one that is there already.
    pub(crate) fn insert(&mut self, template: &Template, method: Method, target: T) -> Result<(), &T> {
        let mut node = &mut self.root;
        for segment in &template.segments {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                Segment::One => &mut **node.one.get_or_insert_default(),
                Segment::Rest => &mut **node.rest.get_or_insert_default(),
            };
        }
        let same = |end: &End<T>| end.verb == template.verb && end.method == method;
        if let Some(at) = node.ends.iter().position(same) {
            return Err(&node.ends[at].target);
        }
        self.verbs.extend(template.verb.clone());
        node.ends.push(End { verb: template.verb.clone(), method, target });
        Ok(())
    }

    /// Looks a path up. `path` is as it came, percent-encoded, without the query. What is
    /// no text once it is decoded is nothing.
    pub(crate) fn find<'p>(&self, method: &Method, path: &'p str) -> Found<'_, 'p, T> {
        let Some(path) = path.strip_prefix('/') else { return Found::Nothing };
        let (path, verb) = match path.rfind([':', '/']) {
            Some(at) if path.as_bytes()[at] == b':' && self.verbs.contains(&path[at + 1..]) => {
                (&path[..at], Some(&path[at + 1..]))
            }
            _ => (path, None),
        };
        let segments: Vec<&str> = path.split('/').collect();
        let decoded: Result<Vec<_>, _> = segments.iter().map(|segment| decode(segment)).collect();
        let Ok(decoded) = decoded else { return Found::Nothing };
        let mut ends = Vec::new();
        self.root.collect(&decoded, verb, &mut ends);
        match ends.iter().find(|end| end.method == *method) {
            Some(end) => Found::Rule(&end.target, segments),
            None if ends.is_empty() => Found::Nothing,
            None => Found::OtherMethods(ends.iter().map(|end| end.method.as_str()).collect()),
        }
    }
}

impl<T> Node<T> {
    /// Collects what matches, the most exact first. The tree is as deep as the longest template, whatever the path.
    fn collect<'a>(&'a self, segments: &[String], verb: Option<&str>, found: &mut Vec<&'a End<T>>) {
        let here = |node: &'a Self, found: &mut Vec<&'a End<T>>| {
            found.extend(node.ends.iter().filter(|end| end.verb.as_deref() == verb));
        };
        match segments.split_first() {
            None => here(self, found),
            Some((first, rest)) => {
                if let Some(next) = self.literals.get(first) {
                    next.collect(rest, verb, found);
                }
                if let Some(next) = self.one.as_ref().filter(|_| !first.is_empty()) {
                    next.collect(rest, verb, found);
                }
            }
        }
        if let Some(rest) = &self.rest {
            here(rest, found);
        }
    }
}
