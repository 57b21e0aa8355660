import assert from "node:assert/strict";
import { test } from "node:test";

import type { App } from "#app.ts";
import { AppError } from "#errors.ts";

import type { Command, CommandContext } from "./command.ts";
import { runCommandLine, type Surroundings } from "./program.ts";

type Ran = { exitCode: number; stdout: string; stderr: string; contexts: CommandContext[] };

/** Runs a line over three small commands; `work` is what each of them does. */
async function runLine(
  line: string,
  options: {
    work?: (context: CommandContext) => number | Promise<number>;
    signal?: AbortSignal;
    debug?: boolean;
    isTTY?: boolean;
    openApp?: Surroundings["openApp"];
  } = {},
): Promise<Ran> {
  const contexts: CommandContext[] = [];
  const run = async (context: CommandContext): Promise<number> => {
    contexts.push(context);
    return (await options.work?.(context)) ?? 0;
  };
  const commands: Command[] = [
    {
      name: "mirror plan",
      summary: "Show what differs",
      options: [
        { flags: "--allow <hazards>", summary: "what may happen" },
        { flags: "--dev-only <what>", summary: "dev's own", choices: ["keep", "drop"] },
      ],
      examples: ["leveredge mirror plan --allow lock"],
      run,
    },
    { name: "mirror apply", summary: "Make it so", examples: ["leveredge mirror apply"], run },
    {
      name: "harden",
      summary: "Harden",
      arguments: [{ syntax: "[section]", summary: "its number" }],
      examples: ["leveredge harden"],
      run,
    },
  ];
  const written = { stdout: "", stderr: "" };
  const stream = (name: keyof typeof written) => ({
    write: (text: string) => (written[name] += text),
    isTTY: options.isTTY ?? false,
  });
  const exitCode = await runCommandLine({ version: "1.2.3", summary: "Hardens.", commands }, words(line), {
    stdout: stream("stdout"),
    stderr: stream("stderr"),
    mayColor: true,
    debug: options.debug ?? false,
    signal: options.signal ?? new AbortController().signal,
    openApp: options.openApp ?? (() => Promise.reject(new AppError("unavailable", "no store here"))),
  });
  return { exitCode, ...written, contexts };
}

function words(line: string): string[] {
  return line.split(" ").filter((word) => word !== "");
}

test("global options are understood anywhere on the line", async () => {
  for (const line of [
    "--json --config a.yaml mirror plan --allow lock --dev-only keep",
    "mirror --json plan --allow lock --config a.yaml --dev-only keep",
    "mirror plan --allow lock --dev-only keep --config a.yaml --json",
  ]) {
    const { exitCode, contexts } = await runLine(line);

    assert.equal(exitCode, 0);
    assert.deepEqual(contexts[0]?.options, { allow: "lock", devOnly: "keep" });
    assert.deepEqual(contexts[0]?.global, {
      config: "a.yaml",
      state: undefined,
      json: true,
      color: false,
      quiet: false,
    });
  }
});

test("positional arguments reach the command, and its exit code is the program's", async () => {
  const { exitCode, contexts } = await runLine("harden 3 --quiet", { work: () => 13 });

  assert.equal(exitCode, 13);
  assert.deepEqual(contexts[0]?.arguments, ["3"]);
  assert.equal(contexts[0]?.global.quiet, true);
});

test("wrong input ends with 2, the fault and what to try", async () => {
  const cases: [string, RegExp][] = [
    ["hardn", /^error: unknown command 'hardn'\nhint: Did you mean harden\?/],
    ["mirror pln", /^error: unknown command 'pln'\nhint: Did you mean plan\?/],
    ["mirror plan --alow x", /^error: unknown option '--alow'\nhint: Did you mean --allow\?/],
    ["mirror plan --allow", /^error: option '--allow <hazards>' argument missing\n/],
    ["mirror plan --dev-only both", /^error: .*Allowed choices are keep, drop\n/],
    ["harden 1 2", /^error: too many arguments for 'harden'/],
  ];

  for (const [line, expected] of cases) {
    const { exitCode, stdout, stderr, contexts } = await runLine(line);
    assert.equal(exitCode, 2, line);
    assert.match(stderr, expected);
    assert.equal(stdout, "");
    assert.equal(contexts.length, 0);
  }
});

test("a group without its command shows the group's commands and is wrong input", async () => {
  const { exitCode, stdout, stderr } = await runLine("mirror");

  assert.equal(exitCode, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /mirror plan .*\n.*mirror apply/);
});

test("help is data: on stdout, with whole commands, examples and exit codes", async () => {
  for (const line of ["", "--help", "help"]) {
    const { exitCode, stdout, stderr } = await runLine(line);
    assert.equal(exitCode, 0);
    assert.equal(stderr, "");
    assert.match(stdout, /mirror plan +Show what differs\n +mirror apply +Make it so\n +harden \[section\] +Harden\n/);
    assert.match(stdout, /10 drift {3}11 refused {3}12 blocked {3}13 failed {3}78 sealed/);
  }
  for (const line of ["mirror plan --help", "help mirror plan"]) {
    const { exitCode, stdout } = await runLine(line);
    assert.equal(exitCode, 0);
    assert.match(stdout, /Examples:\n {2}leveredge mirror plan --allow lock/);
    assert.match(stdout, /--config <file>/);
  }
});

test("the version is printed alone", async () => {
  assert.deepEqual(await runLine("--version"), { exitCode: 0, stdout: "1.2.3\n", stderr: "", contexts: [] });
});

test("a failure is printed once on stderr, with its exit code from the table", async () => {
  const work = (): never => {
    throw new AppError("conflict", "run 7 is unfinished", { hint: "Resume it with `leveredge harden --resume`." });
  };

  const plain = await runLine("harden", { work });
  const json = await runLine("harden --json", { work });

  assert.equal(plain.exitCode, 5);
  assert.equal(plain.stderr, "error: run 7 is unfinished\nhint: Resume it with `leveredge harden --resume`.\n");
  assert.equal(json.stdout, "");
  assert.deepEqual(JSON.parse(json.stderr), {
    error: { code: "conflict", message: "run 7 is unfinished", hint: "Resume it with `leveredge harden --resume`." },
  });
});

test("a wrong line is reported as JSON too when it asks for JSON", async () => {
  const { exitCode, stderr } = await runLine("hardn --json");

  assert.equal(exitCode, 2);
  assert.equal(JSON.parse(stderr).error.code, "invalid_input");
});

test("a bug shows its kind only, and the whole chain of causes on demand", async () => {
  const work = (): never => {
    throw new TypeError("password is hunter2", { cause: new Error("because") });
  };

  const usual = await runLine("harden", { work });
  const debug = await runLine("harden", { work, debug: true });

  assert.equal(usual.exitCode, 1);
  assert.equal(
    usual.stderr,
    "error: unexpected TypeError\nhint: Run it again with LEVEREDGE_DEBUG=1 to see where, and report it.\n",
  );
  assert.match(debug.stderr, /TypeError: .*\n\s+at [\s\S]*\[cause\]: Error: because/);
});

test("a secret that a program repeated is taken out of the failure and of its causes", async () => {
  const work = (): never => {
    const cause = new Error("could not connect to postgresql://u:hunter2@h/d");
    throw new AppError("upstream_failed", `psql ended with exit code 2: ${cause.message}`, { cause });
  };

  for (const line of ["harden", "harden --json"]) {
    const { exitCode, stderr } = await runLine(line, { work, debug: true });
    assert.equal(exitCode, 6);
    assert.match(stderr, /postgresql:\/\/u:\[secret\]@h\/d/);
    assert.doesNotMatch(stderr, /hunter2/);
  }
});

test("what the operating system refuses is named with the path", async () => {
  const failure = Object.assign(new Error("ENOSPC: no space left on device, write"), {
    code: "ENOSPC",
    path: "/var/x",
  });

  const { exitCode, stderr } = await runLine("harden", {
    work: () => {
      throw failure;
    },
  });

  assert.equal(exitCode, 7);
  assert.match(stderr, /^error: no space left on the disk \(\/var\/x\)\nhint: Free space/);
});

test("an interrupted command ends with 130 and keeps its reason and remedy", async () => {
  const controller = new AbortController();

  const { exitCode, stderr } = await runLine("harden", {
    signal: controller.signal,
    work: () => {
      controller.abort();
      throw new AppError("unavailable", "psql was stopped", { hint: "Go on with `leveredge harden --resume`." });
    },
  });

  assert.equal(exitCode, 130);
  assert.equal(stderr, "error: interrupted: psql was stopped\nhint: Go on with `leveredge harden --resume`.\n");
});

test("the app is opened once and closed when the command ends, also when it fails", async () => {
  let opened = 0;
  let closed = 0;
  const openApp = async (): Promise<App> => {
    opened += 1;
    // The commands of this test ask for nothing but its end.
    return { close: async () => void (closed += 1) } as unknown as App;
  };

  const { exitCode } = await runLine("harden", {
    openApp,
    work: async (context) => {
      await context.openApp();
      await context.openApp();
      throw new AppError("sealed", "sealed");
    },
  });

  assert.equal(exitCode, 78);
  assert.deepEqual({ opened, closed }, { opened: 1, closed: 1 });
});

test("an app that cannot be opened is the command's failure", async () => {
  const { exitCode, stderr } = await runLine("harden", {
    work: async (context) => {
      await context.openApp();
      return 0;
    },
  });

  assert.equal(exitCode, 7);
  assert.equal(stderr, "error: no store here\n");
});

test("colour is used on a terminal only, and not when it is refused", async () => {
  const onTerminal = await runLine("harden", { isTTY: true });
  const refused = await runLine("harden --no-color", { isTTY: true });
  const piped = await runLine("harden");

  assert.deepEqual(
    [onTerminal, refused, piped].map(({ contexts }) => contexts[0]?.global.color),
    [true, false, false],
  );
});
