#!/usr/bin/env python3
"""Derives the simulator's schema from an annotated API schema of Proxmox VE.

  compact-schema.py API.json APIDATA.js > src/sim/data/schema.tsv

APIDATA.js is the schema that the API viewer of 8.4's documentation publishes.

Kept: what a server needs to judge a request (parameters, formats, permissions, which node answers). Dropped: what is
answered, descriptions, defaults. Equal pieces are stored once, as `def`, and named by number. One row a line, so that
a run reads only those that it needs.
`since` of a piece says that it is younger than 8.4; `until` that it is gone since. `o` of a method holds the parameters
that 8.4 judged otherwise, `operm` the permission that it asked for instead.
"""
import json
import sys

KEEP = ("type", "optional", "format", "minimum", "maximum", "maxLength", "minLength", "enum", "pattern", "alias",
        "keyAlias", "default_key", "requires", "items", "type-property", "instance-types")
# Typed by hand: the 9.2 schema no longer describes what 8.4 still took.
OLD = {"cyls": {"type": "integer", "optional": 1}, "heads": {"type": "integer", "optional": 1},
       "secs": {"type": "integer", "optional": 1},
       "trans": {"type": "string", "enum": ["none", "lba", "auto"], "optional": 1},
       "maxfiles": {"type": "integer", "minimum": 0, "optional": 1}}
# How a CPU flag is written; which ones a virtual machine may have is judged in code.
FLAG = r"[+-][a-zA-Z0-9\-_\.]+"


def prop(schema):
    out = {k: schema[k] for k in KEEP if k in schema and k not in ("format", "items")}
    if "optional" in out:  # The real schema writes some as text.
        out["optional"] = int(out["optional"])
    if isinstance(schema.get("format"), dict):
        out["format"] = {k: prop(v) for k, v in schema["format"].items()}
    elif "format" in schema:
        out["format"] = schema["format"]
    if isinstance(schema.get("items"), dict):
        out["items"] = prop(schema["items"])
    return out


def old_methods(path):
    """Methods of 8.4, by verb and path, from the JavaScript that its API viewer loads."""
    with open(path, encoding="utf-8") as handle:
        text = handle.read()
    tree, _ = json.JSONDecoder().raw_decode(text[text.index("["):])
    found, todo = {}, list(tree)
    while todo:
        node = todo.pop()
        for verb, info in (node.get("info") or {}).items():
            found[f"{verb} {node['path']}"] = info
        todo += node.get("children") or []
    return found


def plain(value):
    """A schema whose numbers are comparable: some are written as text in one release and as numbers in the other."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k not in ("since", "until")}
    return [plain(v) for v in value] if isinstance(value, list) else str(value)


def in_84(short):
    """What 8.4 knows of a parameter that both releases have."""
    out = dict(short)
    if isinstance(out.get("format"), dict):
        out["format"] = {k: v for k, v in out["format"].items() if "since" not in v}
    return out


def check_of(info):
    """The permission without its prose."""
    return {k: v for k, v in (info.get("permissions") or {}).items() if k in ("check", "user")}


def main():
    with open(sys.argv[1], encoding="utf-8") as handle:
        api = json.load(handle)
    before = old_methods(sys.argv[2])
    diff = api["meta"]["diff_8_4"]
    defs, known, paths = [], {}, {}

    def once(value):
        text = json.dumps(value, sort_keys=True)
        if text not in known:
            known[text] = len(defs)
            defs.append(value)
        return known[text]

    for path, methods in api["endpoints"].items():
        paths[path] = {}
        for method, info in methods.items():
            call = f"{method} {path}"
            added = set(diff["parameters_added_since"].get(call, []))
            keys = diff["property_string_keys_added_since"].get(call, {})
            gone = diff["property_string_keys_removed_since"].get(call, {})
            out = {}
            for name, schema in ((info.get("parameters") or {}).get("properties") or {}).items():
                short = prop(schema)
                if name in added:
                    short["since"] = "9"
                if isinstance(short.get("format"), dict):
                    for key in keys.get(name, []):
                        short["format"][key]["since"] = "9"
                    for key in gone.get(name, []):
                        short["format"][key] = OLD[key] | {"until": "9"}
                out[name] = once(short)
            was = before.get(call, {})
            other = {}
            for name, schema in ((was.get("parameters") or {}).get("properties") or {}).items():
                short = prop(schema)
                if name in out and name not in added and plain(in_84(defs[out[name]])) != plain(short):
                    other[name] = once(short)
            for name in diff["parameters_removed_since"].get(call, []):
                out[name] = once(OLD.get(name, {"type": "string", "optional": 1}) | {"until": "9"})
            entry = {"p": out}
            if other:
                entry["o"] = other
            if was and check_of(was) != check_of(info):
                entry["operm"] = once(check_of(was))
            if (info.get("parameters") or {}).get("additionalProperties", 1) not in (0, False):
                entry["free"] = 1
            if "permissions" in info:
                entry["perm"] = once(info["permissions"])
            if "proxyto" in info:
                entry["node"] = info["proxyto"]
            if not info.get("allowtoken", 1):
                entry["notoken"] = 1
            if call in diff["methods_added_since"]:
                entry["since"] = "9"
            paths[path][method] = entry
    for call in diff["methods_removed_since"]:
        method, path = call.split(" ", 1)
        was = before[call]
        names = (was.get("parameters") or {}).get("properties") or {}
        entry = {"p": {name: once(prop(schema)) for name, schema in names.items()}, "until": "9"}
        if "permissions" in was:
            entry["perm"] = once(check_of(was))
        if "node" in names:
            entry["node"] = "node"
        paths.setdefault(path, {})[method] = entry
    # An index that the schema does not list, and flags that it only hints at.
    paths["/"] = {"GET": {"p": {}, "perm": once({"user": "all"})}}
    formats = {name: {k: prop(v) for k, v in fields.items()} for name, fields in api["meta"]["formats"].items()}
    formats["pve-vm-cpu-conf"]["flags"]["pattern"] = f"{FLAG}(;{FLAG})*"
    rows = [("def", number, one) for number, one in enumerate(defs)]
    rows += [("format", name, fields) for name, fields in sorted(formats.items())]
    rows += [("path", f"{method} {path}", entry) for path in sorted(paths) for method, entry in sorted(paths[path].items())]
    for part, name, row in rows:
        print(part, name, json.dumps(row, separators=(",", ":"), sort_keys=True), sep="\t")


main()
