"""Turn uap-core's rules into regexes.json.

usage: python3 convert.py regexes.py regexes.json

`regexes.py` is `ua_parser_builtins/regexes.py` of the PyPI package
`ua-parser-builtins`; it is read as text and never executed.
"""

import ast
import json
import sys

USER_AGENT = ["regex", "family_replacement", *(f"v{n}_replacement" for n in (1, 2, 3, 4))]
OS = ["regex", "os_replacement", *(f"os_v{n}_replacement" for n in (1, 2, 3, 4))]
DEVICE = ["regex", "regex_flag", "device_replacement", "brand_replacement", "model_replacement"]
LISTS = {
    "UserAgentParser": ("user_agent_parsers", USER_AGENT),
    "OSParser": ("os_parsers", OS),
    "DeviceParser": ("device_parsers", DEVICE),
}

source, target = sys.argv[1:]
out = {name: [] for name, _ in LISTS.values()}
for node in ast.walk(ast.parse(open(source, encoding="utf-8").read())):
    if isinstance(node, ast.Call) and getattr(node.func, "id", None) in LISTS:
        name, fields = LISTS[node.func.id]
        if node.keywords or len(node.args) > len(fields):
            sys.exit(f"line {node.lineno}: not the layout this script knows")
        values = [ast.literal_eval(argument) for argument in node.args]
        rule = {f: v for f, v in zip(fields, values) if v is not None}
        out[name].append((node.lineno, rule))

# The first rule that matches wins, so the order is that of the source.
out = {name: [rule for _, rule in sorted(rules, key=lambda r: r[0])] for name, rules in out.items()}
with open(target, "w", encoding="utf-8") as file:
    json.dump(out, file, separators=(",", ":"), ensure_ascii=False)
    file.write("\n")
print({name: len(rules) for name, rules in out.items()})
