// Checks the Prometheus Operator's resources in a built manifest against their types. The compiler rejects unknown fields
// in an object literal, so it finds misspelled fields, which the cluster would silently drop.
//
//     node operator-resources.mjs MANIFEST

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { parseAllDocuments } from "yaml";

const here = dirname(fileURLToPath(import.meta.url));
const resources = parseAllDocuments(readFileSync(process.argv[2], "utf8"))
  .map((document) => document.toJS())
  .filter((resource) => resource?.apiVersion?.startsWith("monitoring.coreos.com/"));

if (resources.length === 0) {
  console.error(`${process.argv[2]} holds no resource of the Prometheus Operator`);
  process.exit(1);
}

const literals = resources.map(({ apiVersion, kind, ...resource }, index) => {
  const type = `@kubernetes-models/prometheus-operator/${apiVersion}/${kind}`;
  const literal = JSON.stringify({ apiVersion, kind, ...resource }, null, 2);
  return `import type { I${kind} as T${index} } from "${type}";\nexport const r${index}: T${index} = ${literal};\n`;
});

// A file next to node_modules that exists only in memory.
const name = join(here, "resources.ts");
const text = literals.join("\n");
const options = { noEmit: true, strict: true, skipLibCheck: true, types: [], moduleResolution: ts.ModuleResolutionKind.Node10 };
const host = ts.createCompilerHost(options);
const { fileExists, getSourceFile } = host;
host.fileExists = (file) => file === name || fileExists.call(host, file);
host.getSourceFile = (file, ...rest) =>
  file === name ? ts.createSourceFile(file, text, ...rest) : getSourceFile.call(host, file, ...rest);

const program = ts.createProgram([name], options, host);
const mistakes = ts.getPreEmitDiagnostics(program);
for (const mistake of mistakes) {
  const line = mistake.file?.getLineAndCharacterOfPosition(mistake.start).line;
  const shown = line === undefined ? "" : `${text.split("\n")[line].trim()}: `;
  console.error(shown + ts.flattenDiagnosticMessageText(mistake.messageText, "\n"));
}
process.exit(mistakes.length === 0 ? 0 : 1);
