import { drillFile } from "#domains/backups/drill.ts";
import { runProgram, type Run } from "#system/run.ts";
const [file, manifestPath] = process.argv.slice(2);
const t0=performance.now();
const run: Run = async (p,a,o)=>{const t=performance.now(); try { return await runProgram(p,a,o);} finally {console.error(Math.round(t-t0), "run", p, a.slice(0,3).join(" "), Math.round(performance.now()-t));}};
const r = await drillFile({run, stateDir: "/tmp/drill/state"}, {file: file ?? "", ...(manifestPath ? {manifestPath} : {}), dataHome: "/tmp/drill/dh", signal: new AbortController().signal, progress: (t) => console.error(Math.round(performance.now()-t0), t)});
console.error(Math.round(performance.now()-t0),"done");
console.log(JSON.stringify(r,null,1));
