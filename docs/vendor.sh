#!/bin/sh
# For maintainers: fetches the files that bot/static/vendor.json pins, refuses a package whose SHA-512 differs, and puts
# them in place. To move to a new version: change version and integrity there, run this, then copy the new SHA-256 that
# tests/test_vendor.py names. Needs npm and Python; neither is needed to run Nearpeer.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
exec 3<<'PYTHON'
import base64, hashlib, json, pathlib, subprocess, sys, tarfile

work = pathlib.Path(sys.argv[1])
for package in json.loads(pathlib.Path("bot/static/vendor.json").read_text()):
    wanted = f"{package['name']}@{package['version']}"
    packed = subprocess.run(
        ["npm", "pack", "--silent", "--pack-destination", work, wanted], check=True, capture_output=True, text=True
    )
    archive = work / packed.stdout.split()[-1]
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if integrity != package["integrity"]:
        sys.exit(f"{wanted}: the package is {integrity}, vendor.json says {package['integrity']}")
    with tarfile.open(archive) as opened:
        for file in package["files"]:
            content = opened.extractfile("package/" + file["from"]).read()
            pathlib.Path(file["to"]).write_bytes(content)
            print(hashlib.sha256(content).hexdigest(), file["to"])
PYTHON
python3 /dev/fd/3 "$work"
