#!/usr/bin/env bash
# dist/: the wheel, sbom.json (CycloneDX 1.6, from requirements.runtime.lock) and SHA256SUMS. `release.sh audit`: looks the
# locked packages up among known weaknesses; a package that cannot be looked up fails it, since no answer is no clean one.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=build/release-tools
lock=requirements.release.lock
if ! cmp -s "$lock" "$tools/installed.lock"; then
  rm -rf "$tools"
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$lock"
  cp "$lock" "$tools/installed.lock"
fi
if [ "${1:-}" = audit ]; then
  exec "$tools/bin/pip-audit" --strict --disable-pip --require-hashes -r requirements.runtime.lock --progress-spinner off
fi
rm -rf dist
.venv/bin/python -m build --wheel --no-isolation --outdir dist . >/dev/null
"$tools/bin/cyclonedx-py" requirements requirements.runtime.lock --pyproject pyproject.toml --output-reproducible \
  -o dist/sbom.json 2>/dev/null
(cd dist && sha256sum -- *.whl sbom.json > SHA256SUMS)
ls -l dist
