//! What workflows may do: nothing that could print or upload what a fuzz target found or kept, unless the owner of the
//! repository has said that it is private. Whatever is allowed is in the tables below, and all else is a fault, so that
//! somebody thinks about each new step: can what it prints, or puts where others can read it, come from a fuzzer?

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// A step that only runs where this holds may do what it likes.
const PRIVATE: [&str; 2] = [
    "vars.FINDINGS_ARE_PRIVATE_IN == github.repository",
    "always() && vars.FINDINGS_ARE_PRIVATE_IN == github.repository",
];

/// Commands, and why what they say is for everybody.
const COMMANDS: &[(&str, &str)] = &[
    (".ci/run", "is `scripts/check`, where fuzz targets run in `scripts/hunt`"),
    ("scripts/hunt targets/${{ matrix.target }} hunt ${{ inputs.seconds }}", "decides that"),
    ("scripts/oss-fuzz/local ${{ inputs.sanitizer }}", "shows what a target said as the hunt does"),
    ("scripts/coverage corpus", "committed cases"),
    (
        "cargo run --quiet -- replay corpus/known --json releases.json --subjects \
         39.0.2,41.0.4,42.0.1,42.0.2,43.0.2,44.0.3,45.0.3,46.0.3,47.0.1,48.0.8,49.0.5,50.0.1,wasmtime",
        "committed cases on engines that anybody has",
    ),
    (
        "cp target/oss-fuzz/src/canonfuzz/target/debug/canonfuzz target/oss-fuzz/out-${{ inputs.sanitizer }}/",
        "a program",
    ),
    (
        "tar --zstd -cf targets.tar.zst -C target/oss-fuzz/out-${{ inputs.sanitizer }} .",
        "programs and committed seeds, before any of them runs to find something",
    ),
    ("mkdir targets && tar --zstd -xf targets.tar.zst -C targets", "the same again"),
    ("rustup toolchain install nightly --profile minimal", "a compiler"),
    ("sudo apt-get update -qq", "a tool"),
    ("sudo apt-get install -y -qq bubblewrap", "a tool"),
    ("sudo sysctl -q -w kernel.apparmor_restrict_unprivileged_userns=0", "a setting"),
];

/// Actions and workflows, with the paths that they may read in order to publish them. What is there is built or computed
/// from what is committed: hunts write elsewhere.
const ACTIONS: &[(&str, &[&str])] = &[
    ("./.github/workflows/fuzz.yml", &[]),
    ("actions/checkout", &["wasmtime"]),
    ("actions/download-artifact", &[]),
    (
        "actions/cache",
        &[
            "~/.cargo/bin",
            "~/.cargo/registry",
            "target",
            "!target/**/incremental",
            "target/coverage/build",
            "target/oss-fuzz/src",
            "target/subjects",
        ],
    ),
    ("actions/upload-artifact", &["releases.json", "targets.tar.zst"]),
    ("actions/upload-pages-artifact", &["target/coverage/html"]),
    ("actions/deploy-pages", &[]),
    // Its tests of a build run what is committed; `run_fuzzers` prints and uploads crashes, and cannot be told not to.
    ("google/clusterfuzzlite/actions/build_fuzzers", &[]),
];

/// Variables: what a place is said to be must come from the repository's settings.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("FINDINGS_ARE_PRIVATE_IN", "${{ vars.FINDINGS_ARE_PRIVATE_IN }}"),
    ("CANONFUZZ", "targets/canonfuzz"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
];

/// What may be done with the repository's token: not to write issues, comments, releases.
const PERMISSIONS: &[(&str, &str)] =
    &[("contents", "read"), ("pages", "write"), ("id-token", "write")];

/// Not those by which a change of a stranger's runs with what is the owner's.
const TRIGGERS: &[&str] =
    &["pull_request", "push", "schedule", "workflow_call", "workflow_dispatch"];

const WORKFLOW: &[&str] = &["name", "on", "permissions", "concurrency", "jobs"];

/// No outputs, containers, services, shells of one's own.
const JOB: &[&str] = &[
    "if",
    "runs-on",
    "needs",
    "timeout-minutes",
    "strategy",
    "permissions",
    "environment",
    "steps",
    "uses",
    "with",
];

const STEP: &[&str] = &["id", "name", "if", "uses", "with", "run", "env"];

/// What is in these folders besides workflows: how ClusterFuzzLite builds, which is what OSS-Fuzz does.
const OTHERS: [&str; 3] =
    [".clusterfuzzlite/Dockerfile", ".clusterfuzzlite/build.sh", ".clusterfuzzlite/project.yaml"];

/// What is wrong with a file of `.github` or `.clusterfuzzlite`, a line for each.
fn faults(path: &Path, text: &str) -> Vec<String> {
    if OTHERS.iter().any(|other| path == Path::new(other)) {
        return Vec::new();
    }
    if path.parent() != Some(Path::new(".github/workflows")) {
        return vec!["nobody has looked at what it does".to_string()];
    }
    let documents = match Yaml::load_from_str(text) {
        Ok(documents) => documents.iter().map(value).collect::<Vec<_>>(),
        Err(error) => return vec![format!("no YAML: {error}")],
    };
    match &documents[..] {
        [Value::Object(workflow)] => workflow_faults(workflow),
        _ => vec!["no workflow".to_string()],
    }
}

/// The same as JSON; what has no like there is a text that nothing below knows.
fn value(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(yes)) => json!(yes),
        Yaml::Value(Scalar::Integer(number)) => json!(number),
        Yaml::Value(Scalar::FloatingPoint(number)) => json!(number.into_inner()),
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Sequence(items) => items.iter().map(value).collect(),
        Yaml::Mapping(pairs) => {
            pairs.iter().map(|(key, item)| (text(&value(key)), value(item))).collect()
        }
        Yaml::Representation(..) | Yaml::Tagged(..) | Yaml::Alias(_) | Yaml::BadValue => {
            json!(format!("{yaml:?}"))
        }
    }
}

fn workflow_faults(workflow: &Map<String, Value>) -> Vec<String> {
    let mut faults = unknown_keys("workflow", workflow, WORKFLOW);
    let triggers = keys(part(workflow, "on")).into_iter();
    let unknown = triggers.filter(|trigger| !TRIGGERS.contains(&trigger.as_str()));
    faults.extend(unknown.map(|trigger| format!("trigger {trigger}")));
    if part(workflow, "permissions").is_null() {
        faults.push("no permissions: the token may do whatever is the default".to_string());
    }
    faults.extend(unknown_pairs("permission", part(workflow, "permissions"), PERMISSIONS));
    for (name, job) in mapping(part(workflow, "jobs")) {
        let of_job = job_faults(&mapping(&job));
        faults.extend(of_job.into_iter().map(|fault| format!("{name}: {fault}")));
    }
    faults
}

fn job_faults(job: &Map<String, Value>) -> Vec<String> {
    let mut faults = unknown_keys("job", job, JOB);
    faults.extend(unknown_pairs("permission", part(job, "permissions"), PERMISSIONS));
    faults.extend(matrix_faults(part(&mapping(part(job, "strategy")), "matrix")));
    faults.extend(uses_faults(job));
    if let Value::Array(steps) = part(job, "steps") {
        faults.extend(steps.iter().flat_map(|step| step_faults(&mapping(step))));
    }
    faults
}

/// What is in a matrix is put into commands.
fn matrix_faults(matrix: &Value) -> Option<String> {
    let targets = json!({ "target": targets() });
    let known = matrix.is_null() || *matrix == targets;
    (!known).then(|| format!("matrix {matrix} instead of {targets}"))
}

fn step_faults(step: &Map<String, Value>) -> Vec<String> {
    if PRIVATE.iter().any(|private| part(step, "if") == private) {
        return Vec::new();
    }
    let mut faults = unknown_keys("step", step, STEP);
    faults.extend(unknown_pairs("variable", part(step, "env"), ENVIRONMENT));
    faults.extend(uses_faults(step));
    let run = step.get("run").map(text).unwrap_or_default();
    let known = |command: &String| COMMANDS.iter().any(|(allowed, _)| allowed == command);
    let unknown = commands(&run).into_iter().filter(|command| !known(command));
    faults.extend(unknown.map(|command| format!("command `{command}`")));
    faults
}

/// Of a step that uses an action, or a job that uses a workflow.
fn uses_faults(step: &Map<String, Value>) -> Vec<String> {
    let Some(uses) = step.get("uses").map(text) else {
        return Vec::new();
    };
    let action = uses.split('@').next().unwrap_or_default();
    let Some((_, paths)) = ACTIONS.iter().find(|(allowed, _)| *allowed == action) else {
        return vec![format!("action {action}")];
    };
    let unknown = |(key, value): &(String, Value)| !may_be_with(key, &text(value), paths);
    let unknown = mapping(part(step, "with")).into_iter().filter(unknown);
    unknown.map(|(key, value)| format!("{action} with {key} `{}`", text(&value))).collect()
}

/// Whether an action that may publish some paths may be told this.
fn may_be_with(key: &str, value: &str, paths: &[&str]) -> bool {
    match key {
        "path" => value.lines().all(|path| paths.contains(&path)),
        "repository" => value == "bytecodealliance/wasmtime",
        "sanitizer" => ["address", "none"].contains(&value),
        "seconds" | "retention-days" => value.parse::<u32>().is_ok(),
        "name" | "key" | "restore-keys" | "language" | "github-token" => true,
        _ => false,
    }
}

/// The commands of a step, each in a line.
fn commands(run: &str) -> Vec<String> {
    let joined = run.replace("\\\n", " ");
    let spaced = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.lines().map(spaced).filter(|line| !line.is_empty()).collect()
}

fn unknown_keys(of: &str, mapping: &Map<String, Value>, known: &[&str]) -> Vec<String> {
    let unknown = mapping.keys().filter(|key| !known.contains(&key.as_str()));
    unknown.map(|key| format!("{of} with {key}")).collect()
}

/// The pairs that are not in the table; all of what is no pairs, unless it is nothing.
fn unknown_pairs(of: &str, value: &Value, known: &[(&str, &str)]) -> Vec<String> {
    if !value.is_object() && !value.is_null() {
        return vec![format!("{of} {}", text(value))];
    }
    let unknown = |(key, value): &(String, Value)| !known.contains(&(key.as_str(), &text(value)));
    let unknown = mapping(value).into_iter().filter(unknown);
    unknown.map(|(key, value)| format!("{of} {key}: {}", text(&value))).collect()
}

/// What is under this name; nothing, where there is no such name.
fn part<'a>(mapping: &'a Map<String, Value>, name: &str) -> &'a Value {
    mapping.get(name).unwrap_or(&Value::Null)
}

fn mapping(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// The names in a mapping, a list, or the only one.
fn keys(value: &Value) -> Vec<String> {
    match value {
        Value::Object(mapping) => mapping.keys().cloned().collect(),
        Value::Array(names) => names.iter().map(text).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![text(value)],
    }
}

/// A scalar as it is written.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_string())
}

/// The fuzz targets, in the order in which `fuzz/Cargo.toml` has them.
fn targets() -> Vec<String> {
    let manifest: toml::Table = fs::read_to_string("fuzz/Cargo.toml").unwrap().parse().unwrap();
    let name = |target: &toml::Value| target["name"].as_str().unwrap().to_string();
    manifest["bin"].as_array().unwrap().iter().map(name).collect()
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn no_workflow_can_print_or_upload_what_a_fuzz_target_found() {
    let all: Vec<PathBuf> = [".github", ".clusterfuzzlite"]
        .into_iter()
        .flat_map(|folder| files(Path::new(folder)))
        .collect();
    assert!(all.iter().any(|path| path.ends_with("workflows/fuzz.yml")), "{all:?}");
    let wrong = |path: PathBuf| {
        let faults = faults(&path, &fs::read_to_string(&path).unwrap());
        faults.into_iter().map(move |fault| format!("{}: {fault}", path.display()))
    };
    let wrong: Vec<String> = all.into_iter().flat_map(wrong).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn whatever_is_allowed_is_needed() {
    let text: String =
        files(Path::new(".github")).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let text = commands(&text).join("\n");
    let commands = COMMANDS.iter().map(|(command, _)| *command);
    let actions = ACTIONS.iter().flat_map(|(action, paths)| paths.iter().copied().chain([*action]));
    let environment = ENVIRONMENT.iter().map(|(name, _)| *name);
    let unused: BTreeSet<&str> =
        commands.chain(actions).chain(environment).filter(|one| !text.contains(one)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

/// The scripts that a workflow starts, and those that they start: fuzz targets run in the hunt, or in what is like it.
#[test]
fn scripts_write_no_summaries_and_what_is_checked_is_fuzzed_by_the_hunt() {
    for path in files(Path::new("scripts")).into_iter().chain([PathBuf::from(".ci/run")]) {
        let text = fs::read_to_string(&path).unwrap();
        for word in ["GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_ENV", "::notice", "::error"] {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
    }
    for path in [".ci/run", "scripts/check", "scripts/oss-fuzz/build.sh", "scripts/oss-fuzz/local"]
    {
        let text = fs::read_to_string(path).unwrap();
        for word in ["cargo fuzz run", "scripts/fuzz", " -- run", "max_total_time"] {
            assert!(!text.contains(word), "{path}: {word}");
        }
    }
    assert!(fs::read_to_string("scripts/check").unwrap().contains("scripts/hunt "));
}

/// A workflow that may be so.
const GOOD: &str = "
name: good
on: pull_request
permissions:
  contents: read
jobs:
  hunt:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: actions/cache@v4
        with:
          path: target/subjects
      - run: scripts/hunt targets/${{ matrix.target }} hunt ${{ inputs.seconds }}
        env:
          FINDINGS_ARE_PRIVATE_IN: ${{ vars.FINDINGS_ARE_PRIVATE_IN }}
      - if: always() && vars.FINDINGS_ARE_PRIVATE_IN == github.repository
        uses: actions/upload-artifact@v4
        with:
          path: hunt
";

const CHECKOUT: &str = "uses: actions/checkout@v5";
const HUNT: &str = "run: scripts/hunt targets/${{ matrix.target }} hunt ${{ inputs.seconds }}";
const ONLY_IF: &str = "if: always() && vars.FINDINGS_ARE_PRIVATE_IN == github.repository";

/// The good workflow has no fault, and with one part replaced it has this one.
#[track_caller]
fn check(part: &str, by: &str, fault: &str) {
    let path = Path::new(".github/workflows/good.yml");
    assert_eq!(faults(path, GOOD), [""; 0]);
    let bad = GOOD.replacen(part, by, 1);
    assert_ne!(bad, GOOD, "{part}");
    let faults = faults(path, &bad);
    assert!(faults.iter().any(|found| found.contains(fault)), "{fault}: {faults:?}\n{bad}");
}

#[test]
fn what_was_found_is_uploaded_under_the_private_condition_alone() {
    let fault = "actions/upload-artifact with path `hunt`";
    check(ONLY_IF, "name: always", fault);
    check(ONLY_IF, "if: failure()", fault);
    check(ONLY_IF, "if: vars.FINDINGS_ARE_PRIVATE_IN", fault);
    check(ONLY_IF, "if: vars.FINDINGS_ARE_PRIVATE_IN != ''", fault);
    check("github.repository\n", "github.repository || failure()\n", fault);
    check("== github.repository", "!= github.repository", fault);
    check("vars.FINDINGS_ARE_PRIVATE_IN ==", "github.repository ==", fault);
}

#[test]
fn no_path_is_published_that_is_not_known() {
    let cached = "path: target/subjects";
    check(cached, "path: hunt/corpus", "actions/cache with path `hunt/corpus`");
    check(cached, "path: .", "actions/cache with path `.`");
    check(
        cached,
        "path: |\n            target/subjects\n            hunt",
        "target/subjects\nhunt",
    );
    check(cached, "path: target/**", "with path `target/**`");
    check(
        CHECKOUT,
        "uses: actions/upload-pages-artifact@v4\n        with:\n          path: hunt",
        "`hunt`",
    );
    check(
        CHECKOUT,
        "uses: actions/cache/save@v4\n        with:\n          path: hunt",
        "action actions/cache/save",
    );
    check(CHECKOUT, "uses: ./.github/actions/publish", "action ./.github/actions/publish");
    check(CHECKOUT, "uses: google/clusterfuzzlite/actions/run_fuzzers@v1", "actions/run_fuzzers");
    let build = "uses: google/clusterfuzzlite/actions/build_fuzzers@v1\n        with:\n          ";
    check(CHECKOUT, &format!("{build}upload-build: true"), "with upload-build `true`");
    check(CHECKOUT, &format!("{build}storage-repo: x"), "with storage-repo `x`");
}

#[test]
fn no_command_runs_that_is_not_known() {
    for command in [
        "./targets/adapter corpus",
        "cat hunt/log",
        "cargo fuzz run adapter",
        "targets/canonfuzz replay hunt/artifacts >> \"$GITHUB_STEP_SUMMARY\"",
        "cargo run -- run --for 1h",
        "scripts/fuzz 10m",
        "scripts/coverage corpus fuzz/corpus",
        "scripts/hunt targets/${{ matrix.target }} hunt ${{ inputs.seconds }}; cat hunt/log",
        "env -u CI -u GITHUB_ACTIONS scripts/hunt targets/adapter hunt 60",
    ] {
        check(HUNT, &format!("run: {command}"), &format!("command `{command}`"));
    }
    check(HUNT, "run: |\n          .ci/run\n          cat hunt/log", "command `cat hunt/log`");
    check(HUNT, "run: |\n          .ci/run \\\n            --loud", "command `.ci/run --loud`");
}

#[test]
fn nothing_else_can_change_what_a_place_is_or_what_a_step_does() {
    let given = "FINDINGS_ARE_PRIVATE_IN: ${{ vars.FINDINGS_ARE_PRIVATE_IN }}";
    check(
        given,
        "FINDINGS_ARE_PRIVATE_IN: ${{ github.repository }}",
        "variable FINDINGS_ARE_PRIVATE_IN",
    );
    check(given, "CI: ''", "variable CI");
    check(HUNT, &format!("{HUNT}\n        shell: tee {{0}}"), "step with shell");
    check("    steps:", "    env:\n      CI: ''\n    steps:", "job with env");
    check("    steps:", "    container: x\n    steps:", "job with container");
    check("    steps:", "    outputs:\n      log: x\n    steps:", "job with outputs");
    check(
        "    steps:",
        "    defaults:\n      run:\n        shell: x\n    steps:",
        "job with defaults",
    );
    check(
        "    steps:",
        "    strategy:\n      matrix:\n        target: [\"x; cat hunt/log\"]\n    steps:",
        "matrix {\"target\":[\"x; cat hunt/log\"]} instead of",
    );
    let matrix = "    strategy:\n      matrix: ${{ fromJSON(inputs.matrix) }}\n    steps:";
    check("    steps:", matrix, "matrix \"${{ fromJSON(inputs.matrix) }}\" instead of");
    check("\njobs:", "\nenv:\n  CI: ''\njobs:", "workflow with env");
    check("contents: read", "contents: write", "permission contents: write");
    check("contents: read", "issues: write", "permission issues: write");
    check("permissions:\n  contents: read", "permissions: write-all", "permission write-all");
    check("permissions:\n  contents: read\n", "", "no permissions");
    check("    steps:", "    permissions: write-all\n    steps:", "permission write-all");
    check("on: pull_request", "on: [push, pull_request_target]", "trigger pull_request_target");
    check("on: pull_request", "on:\n  workflow_run:\n    workflows: [x]", "trigger workflow_run");
}

#[test]
fn what_cannot_be_read_is_a_fault() {
    check("jobs:", "jobs: [", "no YAML");
    check("name: good", "---\nname: good\n---\n", "no workflow");
    check("name: good", "name: good\nname: good", "no YAML");
    let elsewhere = faults(Path::new(".github/actions/publish/action.yml"), GOOD);
    assert_eq!(elsewhere, ["nobody has looked at what it does"]);
}
