#!/usr/bin/env bash
# Builds @tensorflow/tfjs-node and tfjs-node-gpu where their install scripts cannot download libtensorflow. Not part of
# `npm test`.
#
#     test/peers/tfjs-node.sh [folder]              by default ~/.cache/mcfnc-peers/tfjs-node
#     TENSORFLOW=2.12.1 test/peers/tfjs-node.sh     another TensorFlow than 2.9.1, which the package asks for
#     node test/peers/tfjs-node-kernels.mjs <folder>
#
# Takes the package from npm, headers and libraries from PyPI's wheel tensorflow-cpu, and runs the package's own build of its
# binding. Needs Linux on x86-64, Node 20 or later with npm and its headers (else node-gyp downloads those from nodejs.org),
# python3 with pip, make, g++ and nm; 1 GB of disk for each TensorFlow. What is there already is not done again.
# docs/decisions/0010-tfjs-node-is-proven-against-a-wheel.md says what this proves.
set -euo pipefail

PACKAGE=4.22.0
TENSORFLOW=${TENSORFLOW:-2.9.1}
FOLDER=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/mcfnc-peers/tfjs-node}

fail() {
  echo "tfjs-node.sh: $*" >&2
  exit 1
}

[ "$(uname -sm)" = 'Linux x86_64' ] || fail "PyPI has no tensorflow-cpu for $(uname -sm) that this was tried with"
for tool in node npm python3 make gcc g++ nm; do
  command -v "$tool" > /dev/null || fail "$tool is missing (Debian: apt-get install nodejs npm python3 python3-pip make g++ binutils)"
done
python3 -m pip --version > /dev/null 2>&1 || fail 'pip is missing (Debian: apt-get install python3-pip)'

mkdir -p "$FOLDER"
cd "$FOLDER"
FOLDER=$PWD
TREE=$FOLDER/tensorflow-$TENSORFLOW

if [ ! -e node_modules/@tensorflow/tfjs-node-gpu/package.json ]; then
  echo "* npm: tfjs-node and tfjs-node-gpu $PACKAGE, without their install scripts, into $FOLDER"
  echo '{ "private": true }' > package.json
  npm install --ignore-scripts --no-audit --no-fund --loglevel=error \
    "@tensorflow/tfjs-node@$PACKAGE" "@tensorflow/tfjs-node-gpu@$PACKAGE"
fi

if [ ! -e "$TREE/lib/libtensorflow.so" ]; then
  # The wheel of any Python serves: it is only unpacked.
  minor=$(echo "$TENSORFLOW" | cut -d. -f2)
  python=3.11
  [ "$minor" -ge 12 ] || python=3.9
  echo "* PyPI: the wheel tensorflow-cpu $TENSORFLOW for Python $python (200 MB)"
  rm -rf "$TREE" wheel
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version "$python" \
    --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux_2_27_x86_64 \
    --dest wheel "tensorflow-cpu==$TENSORFLOW" || fail "pip finds no wheel tensorflow-cpu==$TENSORFLOW for Python $python"
  python3 - wheel "$TREE" << 'END'
import pathlib, re, shutil, sys, zipfile

headers = re.compile(r"tensorflow/include/((?:tensorflow/(?:c|core/platform|tsl)|tsl|xla/tsl)/.*\.h)")
libraries = re.compile(r"tensorflow/(?:python/)?((?:libtensorflow_(?:cc|framework)|_pywrap_tensorflow_internal)\.so[.\d]*)")
(wheel,) = pathlib.Path(sys.argv[1]).glob("*.whl")
with zipfile.ZipFile(wheel) as file:
    for name in file.namelist():
        for kind, pattern in ("include", headers), ("lib", libraries):
            if found := pattern.fullmatch(name):
                path = pathlib.Path(sys.argv[2], kind, found[1])
                path.parent.mkdir(parents=True, exist_ok=True)
                with file.open(name) as source, open(path, "wb") as target:
                    shutil.copyfileobj(source, target)
END
  rm -rf wheel
  (
    cd "$TREE/lib"
    ln -sf libtensorflow_framework.so.2 libtensorflow_framework.so
    if [ -e libtensorflow_cc.so.2 ]; then
      rm -f _pywrap_tensorflow_internal.so
      ln -sf libtensorflow_cc.so.2 libtensorflow.so
    else
      # Up to 2.11 the C API is inside Python's extension module. Nothing that is reached through it calls Python: names
      # without anything behind them let it load.
      nm -D --undefined-only _pywrap_tensorflow_internal.so | awk '$2 ~ /^_?Py/ { print "char " $2 "[512];" }' > python-names.c
      gcc -shared -fPIC -o libpython-names.so -Wl,-soname,libpython-names.so python-names.c
      # A script for the linker, which links with both and looks for both beside each other when the binding is loaded.
      echo 'INPUT ( -l:_pywrap_tensorflow_internal.so -l:libpython-names.so )' > libtensorflow.so
    fi
  )
fi

include=$(dirname "$(readlink -f "$(command -v node)")")/../include/node
headers=()
if [ -e "$include/node_api.h" ]; then headers=("--nodedir=$(realpath "$include/../..")"); fi
for name in tfjs-node tfjs-node-gpu; do
  package=$FOLDER/node_modules/@tensorflow/$name
  if [ "$(readlink "$package/deps" || true)" != "$TREE" ] || [ -z "$(ls "$package"/lib/*/tfjs_binding.node 2> /dev/null)" ]; then
    echo "* building the binding of $name with TensorFlow $TENSORFLOW"
    rm -rf "$package/deps" "$package/lib" "$package/build"
    ln -s "$TREE" "$package/deps"
    (cd "$package" && "$FOLDER/node_modules/.bin/node-pre-gyp" install --build-from-source "${headers[@]}") > build.log 2>&1 ||
      fail "the build failed; see $FOLDER/build.log"
  fi
  TF_CPP_MIN_LOG_LEVEL=2 node --no-deprecation --eval '
    const util = require("node:util")
    util.isNullOrUndefined = (value) => value === undefined || value === null
    util.isArray = Array.isArray
    const tf = require(process.argv[1])
    const [product] = tf.matMul([[1, 2]], [[3], [4]]).dataSync()
    if (product !== 11 || tf.getBackend() !== "tensorflow") throw new Error(`1 * 3 + 2 * 4 = ${product} on ${tf.getBackend()}`)
    console.log(`* ${process.argv[1]} works with TensorFlow ${tf.backend().binding.TF_Version}`)
  ' "$package" || fail "$name was built but does not load"
done
