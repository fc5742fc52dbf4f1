#!/usr/bin/env bash
# The one entrance: builds, tests, the lab, the demo and the benchmarks. `./run.sh help` lists the commands.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
artifacts=$root/artifacts
published=$artifacts/publish
# Debian keeps ip, iptables and nft where an ordinary user's PATH does not look.
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1

usage() {
  cat <<'TEXT'
Usage: ./run.sh COMMAND

  demo [--check]     two nodes, a small shop, and what the mesh does for it; --check runs unattended and fails on any deviation
  test [NAME...]     build, then run every test but the end-to-end ones (or the test projects whose name contains NAME)
  test EndToEnd      the end-to-end tests, in a lab of two nodes; after `publish`
  bench [OPTIONS]    the comparison with other proxies (--json FILE, --only NAME, --seconds N, --runs N)
  budgets [--filter GLOB]
                     what the hot paths may allocate, measured in seconds; fails on any excess
  lab COMMAND...     a small cluster on this machine: nodes, pods and the mesh (`./run.sh lab help`)
  build              compile the whole solution
  publish            produce the executables the lab runs, in artifacts/publish
  image [OPTIONS]    OCI archives and bills of materials of the images of deploy/daemonset, in artifacts/images (`./run.sh image --help`)
  help               this text

Needs Linux and the .NET 10 SDK. Debian packages that are missing are installed when run as root, and named otherwise.
Root is not needed: what has to change the network runs in namespaces of its own.
TEXT
}

say() { printf '%s\n' "$*" >&2; }
die() {
  say "run.sh: $*"
  exit 1
}

# --- What must be on the machine ---------------------------------------------------------------------------------------------

# Lines of `file-or-command package`: a file is looked for as such, a command on the PATH.
build_needs='clang clang
ld.lld lld
/usr/include/zlib.h zlib1g-dev'
lab_needs='unshare util-linux
nsenter util-linux
mount mount
ip iproute2
iptables iptables
nft nftables
tcpdump tcpdump
ss iproute2
prlimit util-linux
curl curl'
test_needs='sysctl procps
openssl openssl
nghttp nghttp2-client
h2load nghttp2-client
nghttpd nghttp2-server
/usr/lib/cni/bridge containernetworking-plugins
/usr/lib/python3/dist-packages/grpc python3-grpcio
/usr/lib/python3/dist-packages/websockets python3-websockets'
container_needs='containerd containerd
runc runc'
bench_needs='haproxy haproxy
nginx nginx
/usr/lib/nginx/modules/ngx_stream_module.so libnginx-mod-stream
wrk wrk
iperf3 iperf3
h2load nghttp2-client
nghttpx nghttp2-proxy'

need_sdk() {
  if ! command -v dotnet >/dev/null; then
    die "the .NET 10 SDK is missing: see https://learn.microsoft.com/dotnet/core/install/linux-debian"
  fi
  if ! dotnet --list-sdks | grep -q '^10\.'; then
    die "the .NET 10 SDK is missing; installed: $(dotnet --list-sdks | awk '{print $1}' | paste -sd' ').
See https://learn.microsoft.com/dotnet/core/install/linux-debian"
  fi
}

# need_packages LINES...: installs the packages of what is not there, or says which they are, all of them at once, and ends.
need_packages() {
  local what package
  local -a missing=()
  while read -r what package; do
    case $what in
      /*) [[ -e $what ]] ;;
      *) command -v "$what" >/dev/null ;;
    esac || missing+=("$package")
  done < <(printf '%s\n' "$@")
  if ((${#missing[@]} == 0)); then
    return
  fi
  mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
  if ((EUID == 0)) && command -v apt-get >/dev/null; then
    say "Installing ${missing[*]}"
    apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
  else
    die "missing Debian packages: ${missing[*]}
Install them with: sudo apt-get install -y ${missing[*]}"
  fi
}

# need_kubectl: one that knows what our manifests are made of. That of Debian 12 is too old for components; where there is no other, that of
# Debian 13 is taken from the machine's own mirror into artifacts/tools, and nothing is installed.
need_kubectl() {
  local tools=$artifacts/tools mirror state
  local -a options
  export PATH=$PATH:$tools/usr/bin
  if kubectl kustomize "$root/deploy/overlays/dev" >/dev/null 2>&1; then
    return
  fi
  command -v apt-get >/dev/null || die "kubectl 1.27 or newer is missing"
  say 'Fetching kubectl'
  export PATH=$tools/usr/bin:$PATH
  # shellcheck disable=SC2016
  mirror=$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
    awk '$1 == "Debian" && $2 !~ /-/ { print $3; exit }')
  state=$(mktemp -d)
  mkdir -p "$state/lists/partial" "$state/archives/partial" "$tools"
  echo "deb $mirror trixie main" >"$state/sources.list"
  options=(-q -o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$state/lists"
    -o "Dir::Cache=$state" -o Dir::State::status=/dev/null -o APT::Sandbox::User=root)
  (cd "$state" && apt-get "${options[@]}" update && apt-get "${options[@]}" download kubectl) >/dev/null ||
    die "kubectl 1.27 or newer is missing, and Debian's could not be fetched"
  dpkg-deb -x "$state"/kubectl_*.deb "$tools"
  rm -rf "$state"
  kubectl kustomize "$root/deploy/overlays/dev" >/dev/null || die "kubectl 1.27 or newer is missing"
}

# --- Building ----------------------------------------------------------------------------------------------------------------

build() {
  need_sdk
  dotnet build "$root/Mesh.Node.sln" -v quiet -nologo -clp:NoSummary "$@"
}

# A release build repeats what a debug build compiles, and every check makes one of those: its analyzers, which take longer than the compiler, need no
# second run. What the linker and the native compiler warn of is theirs to find.
release=(-c Release -p:RunAnalyzers=false -v quiet -nologo -clp:NoSummary)

# publish_native PROJECT NAME: a NativeAOT executable. Any trim or AOT warning is an error.
publish_native() {
  dotnet publish "$root/$1" "${release[@]}" -r "$(runtime_identifier)" -o "$published/$2"
}

runtime_identifier() {
  case $(uname -m) in
    x86_64) echo linux-x64 ;;
    aarch64) echo linux-arm64 ;;
    *) die "no build for $(uname -m): x86_64 and aarch64 are supported" ;;
  esac
}

# publish_managed PROJECT NAME: an executable that uses the installed .NET.
publish_managed() {
  dotnet publish "$root/$1" "${release[@]}" --no-self-contained -o "$published/$2"
}

publish_lab() {
  publish_managed tests/Mesh.Lab mesh-lab
  publish_managed tests/Mesh.Lab.Apps lab-app
}

publish() {
  need_sdk
  need_packages "$build_needs"
  publish_lab
  publish_managed ctlplane/Mesh.Control mesh-control
  publish_managed ctlplane/Mesh.Control.Cli meshctl
  publish_native nodeproxy/Mesh.Node mesh-node
  publish_native nodeproxy/Mesh.Cni mesh-cni
  touch "$published/.complete"
}

# Publishes what is not published, or older than a source.
publish_when_stale() {
  if [[ -e $published/.complete ]] && [[ -z $(find "$root"/native-interop "$root"/nodeproxy "$root"/ctlplane \
    "$root"/tests/Mesh.Lab "$root"/tests/Mesh.Lab.Apps "$root"/Directory.*.props "$root"/global.json \
    \( -name bin -o -name obj \) -prune -o -type f -newer "$published/.complete" -print -quit) ]]; then
    return
  fi
  say 'Building (a few minutes the first time)'
  publish
}

# --- Images ------------------------------------------------------------------------------------------------------------------

# Everything in them is of Debian's packages, of the installed .NET and of what is published. All that has a time has that of the commit.
image() {
  local epoch revision
  need_sdk
  need_packages 'apt-get apt' 'dpkg-deb dpkg'
  publish_when_stale
  dotnet build "$root/deploy/Mesh.Images" -v quiet -nologo -clp:NoSummary
  epoch=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 0)}
  revision=$(git -C "$root" describe --always --abbrev=40 --dirty --exclude '*' 2>/dev/null || echo unknown)
  SOURCE_DATE_EPOCH=$epoch "$root/deploy/Mesh.Images/bin/Debug/net10.0/mesh-images" --root "$root" --revision "$revision" "$@"
  (($# > 0)) || touch "$artifacts/images/.complete"
}

# Builds images that are not built, or older than what is published.
image_when_stale() {
  if [[ -e $artifacts/images/.complete && ! $published/.complete -nt $artifacts/images/.complete ]] && [[ -z $(find \
    "$root"/deploy/Mesh.Images \( -name bin -o -name obj \) -prune -o -type f -newer "$artifacts/images/.complete" -print -quit) ]]; then
    return
  fi
  image
}

# --- Namespaces --------------------------------------------------------------------------------------------------------------

# Runs `run.sh COMMAND ARGUMENTS` in mount, network and process namespaces of its own, and for an ordinary user in a user namespace,
# where it is root. When it ends, whatever it made (processes, interfaces, rules, mounts) ends with it.
in_own_namespaces() {
  local -a flags=(-nmpf --mount-proc --kill-child)
  if unshare "${flags[@]}" true 2>/dev/null; then
    :
  elif unshare -Ur "${flags[@]}" true 2>/dev/null; then
    flags+=(-Ur)
  else
    die "this kernel lets $(id -un) make no user namespace, and the tests need one (or root).
Look at: sysctl user.max_user_namespaces kernel.unprivileged_userns_clone kernel.apparmor_restrict_unprivileged_userns"
  fi
  unshare "${flags[@]}" env MESH_INSIDE=1 "$root/run.sh" "$@"
}

# What a fresh network namespace lacks: a loopback that is up, and a /run that may be written.
furnish_namespace() {
  [[ ${MESH_INSIDE:-} == 1 ]] || die "'$1' is run by run.sh itself"
  mount -t tmpfs -o mode=755 tmpfs /run
  ip link set lo up
}

# --- The lab -----------------------------------------------------------------------------------------------------------------

lab() {
  need_sdk
  case ${1:-help} in
    up | demo)
      case " $* " in
        *' --debug '* | *' --no-mesh '*) need_packages "$lab_needs" ;;
        *) need_packages "$build_needs" "$lab_needs" ;;
      esac
      case " $* " in
        *' --debug '*)
          publish_lab
          dotnet build "$root/nodeproxy/Mesh.Node" -v quiet -nologo -clp:NoSummary
          dotnet build "$root/ctlplane/Mesh.Control" -v quiet -nologo -clp:NoSummary
          dotnet build "$root/tests/Mesh.Lab.Apps" -v quiet -nologo -clp:NoSummary
          ;;
        *' --no-mesh '*) publish_lab ;;
        *) publish_when_stale ;;
      esac
      # A lab has thousands of connections in one process.
      ulimit -n "$(ulimit -Hn)"
      ;;
    *) [[ -x $published/mesh-lab/mesh-lab ]] || publish_lab ;;
  esac
  exec "$published/mesh-lab/mesh-lab" "$@"
}

# --- Benchmarks --------------------------------------------------------------------------------------------------------------

bench() {
  need_sdk
  need_packages "$build_needs" "$lab_needs" "$bench_needs"
  publish_when_stale
  publish_managed bench/Mesh.Bench.Peers bench-peers
  dotnet build "$root/bench/Mesh.Bench.Load" "${release[@]}"
  # Ten thousand connections take twenty thousand descriptors in the proxies and here; root may raise the limit.
  ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"
  exec "$root/bench/Mesh.Bench.Load/bin/Release/net10.0/Mesh.Bench.Load" "$@"
}

budgets() {
  need_sdk
  dotnet build "$root/bench/Mesh.Bench.Micro" "${release[@]}"
  exec "$root/bench/Mesh.Bench.Micro/bin/Release/net10.0/Mesh.Bench.Micro" --budgets "$root/bench/budgets/allocations.json" "$@"
}

# --- Tests -------------------------------------------------------------------------------------------------------------------

test_projects() {
  grep -l 'Include="xunit.v3"' "$root"/tests/*/*.csproj | while read -r project; do
    # The end-to-end tests come last: they are slow, and what fails before them explains what fails in them.
    [[ $project == */EndToEnd/* ]] && printf '2 %s\n' "$project" || printf '1 %s\n' "$project"
  done | sort | cut -d' ' -f2
}

# Test projects whose name contains one of the arguments; all without arguments.
select_test_projects() {
  local project name
  while read -r project; do
    # A project that has no source yet has nothing to run.
    [[ -n $(find "$(dirname "$project")" -name '*.cs' -not -path '*/obj/*' -print -quit) ]] || continue
    if (($# == 0)); then
      # Those need the published executables and a machine to themselves; they are asked for by name.
      [[ $project == */EndToEnd/* ]] || printf '%s\n' "$project"
      continue
    fi
    for name in "$@"; do
      if [[ $(basename "$project" .csproj) == *"$name"* ]]; then
        printf '%s\n' "$project"
        break
      fi
    done
  done < <(test_projects)
}

run_tests() {
  need_sdk
  need_packages "$lab_needs" "$test_needs"
  local -a projects
  mapfile -t projects < <(select_test_projects "$@")
  ((${#projects[@]} > 0 || $# == 0)) || die "no test project is named like: $*"
  [[ " ${projects[*]} " != *'/Mesh.Control.Cli.Tests.csproj '* ]] || need_kubectl
  if (($# == 0)); then
    # Once for all of them: a build that has nothing to do still looks at every project it refers to.
    build
  else
    local project
    for project in "${projects[@]}"; do
      dotnet build "$project" -v quiet -nologo -clp:NoSummary
    done
  fi
  if [[ " ${projects[*]} " == *EndToEnd* ]]; then
    need_packages "$container_needs"
    image_when_stale
  fi
  ulimit -n "$(ulimit -Hn)"
  in_own_namespaces inside-tests "${projects[@]}"
}

# The value of one attribute of the first <assembly> element of an xUnit report.
report_attribute() {
  grep -o '<assembly [^>]*' "$1" | head -n 1 | grep -o " $2=\"[0-9]*\"" | grep -o '[0-9]*'
}

run_tests_inside() {
  furnish_namespace inside-tests
  local results=$artifacts/test-results passed=0 failed=0 skipped=0 project name report
  rm -rf "$results"
  mkdir -p "$results"
  for project in "$@"; do
    name=$(basename "$project" .csproj)
    report=$results/$name.xml
    say "── $name"
    local status=0
    timeout --signal=KILL "${MESH_TEST_SECONDS:-3600}" "$(dirname "$project")/bin/Debug/net10.0/$name" --progress off \
      --results-directory "$results" --report-xunit-xml --report-xunit-xml-filename "$name.xml" || status=$?
    if [[ ! -s $report ]]; then
      say "$name ended with status $status and no report"
      failed=$((failed + 1))
      continue
    fi
    passed=$((passed + $(report_attribute "$report" passed)))
    failed=$((failed + $(report_attribute "$report" failed) + $(report_attribute "$report" errors)))
    skipped=$((skipped + $(report_attribute "$report" skipped)))
    if ((status != 0)) && (($(report_attribute "$report" failed) + $(report_attribute "$report" errors) == 0)); then
      say "$name ended with status $status although its report names no failure"
      failed=$((failed + 1))
    fi
  done
  if ((skipped > 0)); then
    # A test that did not run proves nothing. At a desk that is said; unattended it is a failure.
    say "$skipped tests were skipped"
    [[ -z ${CI:-} ]] || failed=$((failed + skipped))
  fi
  printf '%d passed, %d failed\n' "$passed" "$failed"
  ((failed == 0))
}

# -----------------------------------------------------------------------------------------------------------------------------

command=${1:-help}
(($# == 0)) || shift
case $command in
  test) run_tests "$@" ;;
  build) build "$@" ;;
  publish) publish "$@" ;;
  image) image "$@" ;;
  demo) lab demo "$@" ;;
  lab) lab "$@" ;;
  bench) bench "$@" ;;
  budgets) budgets "$@" ;;
  inside-tests) run_tests_inside "$@" ;;
  help | -h | --help) usage ;;
  *)
    usage >&2
    die "there is no command '$command'"
    ;;
esac
