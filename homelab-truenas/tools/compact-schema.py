#!/usr/bin/env python3
"""Makes the simulator's tables from the description of TrueNAS's API: compact-schema.py truenas-25.10.json > src/sim/data/schema-25.10.tsv

One row a line, so that a run reads only those that it needs. Models that occur twice are written once, under `models`, and referred to by `$`. What a method answers is kept only
where the simulator needs its shape: the rows of queries and the singletons.
"""
import collections, json, sys

# Namespaces of which only the parameters are kept: they are judged, and not simulated.
ANSWERS = {
    "pool", "pool.scrub", "pool.snapshottask", "sharing.nfs", "sharing.smb", "iscsi.portal", "iscsi.initiator", "iscsi.target",
    "iscsi.extent", "iscsi.targetextent", "iscsi.auth", "iscsi.global", "user", "group", "privilege", "api_key", "keychaincredential",
    "replication", "cronjob", "initshutdownscript", "interface", "staticroute", "alertservice", "alertclasses", "certificate",
    "system.ntpserver", "tunable", "service", "nfs", "smb", "ssh", "ups", "mail", "network.configuration", "system.general",
    "system.advanced", "systemdataset", "update", "disk", "snmp", "ftp", "pool.snapshot", "filesystem.acltemplate",
    "cloudsync.credentials", "kerberos.realm", "kerberos.keytab", "rsynctask", "nvmet.host", "nvmet.subsys", "nvmet.port",
}
DROP = {"format_error", "description", "title", "exclude_json_schema"}


def loosen(schema, base, top):
    """Marks what may be left out without a default: pydantic then complains about one member of a union more."""
    if isinstance(schema, list):
        for item in schema:
            loosen(item, base, top)
    if not isinstance(schema, dict):
        return
    for name, prop in schema.get("properties", {}).items():
        lacks = lambda s, p: "default" not in p and name not in s.get("required", [])
        if p_is_plain(prop) and lacks(schema, prop) and (not top or (base is not None and base(name))):
            prop["nr"] = 1
        loosen(prop, None, False)
    for key in ("anyOf", "oneOf"):
        loosen(schema.get(key, []), base, top)
    for key in ("items", "additionalProperties"):
        loosen(schema.get(key), None, False)


def p_is_plain(prop):
    """Lists and models that may be left out are made empty instead."""
    members = [prop, *prop.get("anyOf", [])]
    return not any(m.get("type") in ("array", "object") or "x-model" in m or "oneOf" in m for m in members)


def base_of(source, name):
    """Which fields `create` lets one leave out: an `update` is derived from it."""
    space = name.rpartition(".")[0]
    create = source["methods"].get(space + ".create")
    if create is None or not create["params"]:
        return None
    schema = create["params"][0]["schema"]
    members = [schema, *schema.get("anyOf", []), *schema.get("oneOf", [])]
    def left_out(field):
        having = [m for m in members if field in m.get("properties", {})]
        return bool(having) and all("default" not in m["properties"][field] and field not in m.get("required", []) for m in having)
    return left_out


def shrink(node, models):
    if isinstance(node, list):
        return [shrink(x, models) for x in node]
    if not isinstance(node, dict):
        return node
    out = {}
    for key, value in node.items():
        if key == "properties":
            out[key] = {name: shrink(schema, models) for name, schema in value.items()}
        elif key in ("default", "const", "enum", "required"):
            out[key] = value
        elif key not in DROP:
            out[key] = shrink(value, models)
    if "x-model" in out and out.get("type") == "object":
        default = {key: out.pop(key) for key in ("default",) if key in out}
        text = json.dumps(out, sort_keys=True)
        models[text] += 1
        return {"$": text, **default}
    return out


def expand(node, names, models, used):
    """Puts a model in where it occurs once, and its name elsewhere."""
    if isinstance(node, list):
        return [expand(x, names, models, used) for x in node]
    if not isinstance(node, dict):
        return node
    if "$" in node:
        text = node["$"]
        rest = {key: value for key, value in node.items() if key != "$"}
        if models[text] == 1:
            return {**expand(json.loads(text), names, models, used), **rest}
        if text not in used:
            used[text] = None
            used[text] = expand(json.loads(text), names, models, used)
        return {"$": names[text], **rest}
    return {key: value if key in ("default", "const", "enum", "required") else expand(value, names, models, used)
            for key, value in node.items()}


def main():
    source = json.load(open(sys.argv[1]))
    models, methods, answers = collections.Counter(), {}, {}
    for name, method in sorted(source["methods"].items()):
        is_update = name.rpartition(".")[2] == "update"
        for param in method["params"] if name != "core.set_options" else []:
            loosen(param["schema"], base_of(source, name) if is_update else None, is_update)
        row = {"params": [[p["name"], p["required"], shrink(p["schema"], models)] for p in method["params"]]}
        if method.get("job"):
            row["job"] = True
        if "lock" in method.get("job_opts", {}):
            row["lock"] = method["job_opts"]["lock"]
        if method.get("auth") == "none":
            row["open"] = True
        if method.get("style", "").startswith("legacy"):
            row["legacy"] = True
        methods[name] = row
        space, _, verb = name.rpartition(".")
        result = method.get("result") or {}
        if space in ANSWERS and verb == "query" and "items" in result:
            answers[space] = shrink(result["items"], models)
        elif space in ANSWERS and verb == "config":
            answers[space] = shrink(result, models)
    seen, names = collections.Counter(), {}
    for text in models:
        model = json.loads(text)["x-model"]
        seen[model] += 1
        names[text] = model if seen[model] == 1 else f"{model}-{seen[model]}"
    used = {}
    methods = {name: expand(row, names, models, used) for name, row in methods.items()}
    answers = {name: expand(row, names, models, used) for name, row in answers.items()}
    parts = {"methods": methods, "answers": answers, "models": {names[text]: model for text, model in used.items()}, "shared": source["shared"]}
    for part, rows in parts.items():
        for name, row in rows.items():
            print(part, name, json.dumps(row, separators=(",", ":")), sep="\t")


main()
