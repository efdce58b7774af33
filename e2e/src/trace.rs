//! A trace as Jaeger tells it, and what can be asked of it.

use kvartal_testing::Jaeger;
use serde_json::Value;

/// A span.
#[derive(Clone, Debug)]
pub struct Span {
    /// Its id.
    pub id: String,
    /// The span that it belongs to, if any.
    pub parent: Option<String>,
    /// Spans that it refers to besides.
    pub links: Vec<String>,
    /// What it stands for.
    pub name: String,
    /// The process it happened in, by the name that it gives itself.
    pub process: String,
    tags: Vec<(String, String)>,
}

impl Span {
    /// A tag's value as text.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// All spans of a trace that have arrived.
#[derive(Clone, Debug)]
pub struct Trace(pub Vec<Span>);

impl Trace {
    /// What Jaeger knows of the trace; without spans when it knows nothing.
    pub async fn read(jaeger: &Jaeger, id: &str) -> Self {
        Self::parse(&jaeger.trace(id).await.unwrap_or_default())
    }

    /// From an answer of Jaeger's; without spans when it has none.
    pub fn parse(answer: &str) -> Self {
        let json: Value = serde_json::from_str(answer).unwrap_or_default();
        Self(spans(&json["data"][0]))
    }

    /// The first span for which this is true.
    pub fn find(&self, wanted: impl Fn(&Span) -> bool) -> Option<&Span> {
        self.0.iter().find(|span| wanted(span))
    }

    /// Whether following the parents leads from one span to the other.
    pub fn descends(&self, span: &Span, from: &Span) -> bool {
        let mut at = Some(span);
        // A trace with a circle in it would have no end.
        for _ in 0..=self.0.len() {
            let Some(current) = at else { return false };
            if current.id == from.id {
                return true;
            }
            at = current.parent.as_ref().and_then(|parent| self.find(|other| other.id == *parent));
        }
        false
    }

    /// Spans whose parent is not there, but for those whose parent is `origin`, which somebody else keeps.
    pub fn orphans(&self, origin: &str) -> Vec<&Span> {
        let known = |id: &String| id == origin || self.0.iter().any(|span| span.id == *id);
        self.0.iter().filter(|span| !span.parent.as_ref().is_some_and(known)).collect()
    }

    /// The spans as a tree, for people who have to find out what is missing.
    pub fn picture(&self) -> String {
        let mut text = String::new();
        let roots = self.0.iter().filter(|span| !self.0.iter().any(|other| Some(&other.id) == span.parent.as_ref()));
        for root in roots {
            self.draw(root, 0, &mut text);
        }
        text
    }

    fn draw(&self, span: &Span, depth: usize, text: &mut String) {
        let kind = span.tag("span.kind").unwrap_or("internal");
        *text += &format!("{:indent$}{} [{kind}] {}\n", "", span.process, span.name, indent = depth * 2);
        for child in self.0.iter().filter(|child| child.parent.as_ref() == Some(&span.id)) {
            self.draw(child, depth + 1, text);
        }
    }
}

fn spans(trace: &Value) -> Vec<Span> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let span = |span: &Value| {
        let references = list(&span["references"]);
        let of = |kind: &str| {
            let mine = references.iter().filter(|reference| reference["refType"] == kind);
            mine.map(|reference| text(&reference["spanID"])).collect::<Vec<_>>()
        };
        let process = text(&span["processID"]);
        Span {
            id: text(&span["spanID"]),
            // Where a span is linked to its very parent, Jaeger keeps one reference of the two, and shows it as the parent.
            parent: of("CHILD_OF").into_iter().chain(of("FOLLOWS_FROM")).next(),
            links: of("FOLLOWS_FROM"),
            name: text(&span["operationName"]),
            process: text(&trace["processes"][&process]["serviceName"]),
            tags: list(&span["tags"]).iter().map(|tag| (text(&tag["key"]), text(&tag["value"]))).collect(),
        }
    };
    list(&trace["spans"]).iter().map(span).collect()
}
