//! The lab as a drawing.
use crate::{kitchen::Kitchen, look::order, says};
use homelab_core::{Lab, cli::Exit};

#[test]
fn a_graph_is_drawn_for_graphviz() {
    says!(Kitchen::new(order).run("graph"), @r##"
    exit 0
    --- stdout
    digraph "home" {
      rankdir=LR;
      node [shape=box, style="rounded,filled", fontname="sans-serif"];
      edge [fontname="sans-serif", fontsize=10];
      subgraph cluster_0 {
        label="fruit";
        "toy/jar/plums/jam" [fillcolor="#a6cee3", tooltip="[CODE]"];
      }
      subgraph cluster_1 {
        label="site pantry";
        "toy/jar/plums" [fillcolor="#a6cee3", tooltip="[CODE]"];
        "toy/jar/salt" [fillcolor="#a6cee3", tooltip="[CODE]"];
      }
      "toy/jar/plums" -> "toy/jar/plums/jam" [label="number, in"];
      "toy/jar/salt" -> "toy/jar/plums/jam" [label="", style=dashed];
    }
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    "##);
}

#[test]
fn a_graph_is_drawn_for_markdown() {
    says!(Kitchen::new(order).run("graph --format mermaid"), @r##"
    exit 0
    --- stdout
    flowchart LR
      subgraph c0["fruit"]
        n2["toy/jar/plums/jam"]:::ka6cee3
      end
      subgraph c1["site pantry"]
        n0["toy/jar/plums"]:::ka6cee3
        n1["toy/jar/salt"]:::ka6cee3
      end
      n0 -->|"number, in"| n2
      n1 -.-> n2
      classDef ka6cee3 fill:#a6cee3,stroke:#555,color:#000
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    "##);
}

#[test]
fn a_graph_is_data_for_programs() {
    says!(Kitchen::new(order).run("graph --format json"), @r##"
    exit 0
    --- stdout
    {
      "lab": "home",
      "nodes": [
        {
          "key": "toy/jar/plums",
          "kind": "toy/jar",
          "name": "plums",
          "site": "pantry",
          "at": "[CODE]",
          "colour": "#a6cee3"
        },
        {
          "key": "toy/jar/salt",
          "kind": "toy/jar",
          "name": "salt",
          "site": "pantry",
          "at": "[CODE]",
          "colour": "#a6cee3"
        },
        {
          "key": "toy/jar/plums/jam",
          "kind": "toy/jar",
          "name": "plums/jam",
          "site": "pantry",
          "group": "fruit",
          "at": "[CODE]",
          "colour": "#a6cee3"
        }
      ],
      "edges": [
        {
          "from": "toy/jar/plums",
          "to": "toy/jar/plums/jam",
          "uses": [
            "number"
          ],
          "within": true
        },
        {
          "from": "toy/jar/salt",
          "to": "toy/jar/plums/jam"
        }
      ]
    }
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    "##);
}

#[test]
fn a_graph_is_a_picture_that_shows_every_resource() {
    let kitchen = Kitchen::new(order);
    assert_eq!(kitchen.run("graph --out lab.svg").exit, Exit::Done);
    let svg = std::fs::read_to_string(kitchen.path("lab.svg")).unwrap();
    for key in ["toy/jar/plums", "toy/jar/salt", "toy/jar/plums/jam"] {
        assert!(svg.contains(&format!(">{key}<")), "{svg}");
    }
    well_formed(&svg);
    well_formed(&Kitchen::new(|| Lab::named("home")).run("graph --format svg").stdout);
}

/// Tags open and close in order, and texts hold no bare `<` or `&`.
fn well_formed(svg: &str) {
    let mut open: Vec<&str> = vec![];
    let body = svg.strip_prefix("<?xml").and_then(|s| s.split_once("?>")).expect("an XML declaration").1;
    for part in body.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("a tag ends");
        let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap();
        match (tag.starts_with('/'), tag.trim_end().ends_with('/')) {
            (true, _) => assert_eq!(open.pop(), Some(name)),
            (false, true) => {}
            (false, false) => open.push(name),
        }
        let entities = ["&amp;", "&lt;", "&gt;", "&quot;", "&apos;"];
        let bare = entities.iter().fold(text.to_owned(), |text, entity| text.replace(entity, ""));
        assert!(!bare.contains('&'), "{text}");
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_graph_that_cannot_be_written_says_so() {
    says!(Kitchen::new(order).run("graph --out nowhere/lab.svg"), @r"
    exit 4
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: cannot write [DIR]/nowhere/lab.svg: No such file or directory (os error 2)
      hint: name a file in a directory that exists and that you may write to
    sandbox: nothing real was touched
    ");
}
