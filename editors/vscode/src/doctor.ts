// What `arawn doctor --json` says, as text. Nothing here needs VS Code.

/** One thing that the doctor looked at. */
export interface Finding {
  readonly area: string;
  readonly level: string;
  readonly message: string;
  readonly hint?: string | null;
}

/** The findings in the program's output; undefined where there are none to be read. */
export function findingsIn(output: string): Finding[] | undefined {
  try {
    const findings: unknown = JSON.parse(output);
    return Array.isArray(findings) ? (findings as Finding[]) : undefined;
  } catch {
    return undefined;
  }
}

/** What is wrong first, each with its next step. */
export function report(findings: readonly Finding[]): string {
  const rank = (finding: Finding): number =>
    finding.level === "ok" ? 2 : finding.level === "warning" ? 1 : 0;
  return [...findings]
    .sort((one, other) => rank(one) - rank(other))
    .map((finding) => {
      const line = `${finding.level.padEnd(8)} ${finding.area}: ${finding.message}`;
      return finding.hint ? `${line}\n         -> ${finding.hint}` : line;
    })
    .join("\n");
}

/** One sentence about all of them. */
export function summary(findings: readonly Finding[]): string {
  const warnings = findings.filter((finding) => finding.level === "warning").length;
  const problems = findings.filter((finding) => !["ok", "warning"].includes(finding.level)).length;
  const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
  if (problems > 0) {
    return `${counted(problems, "problem")}, ${counted(warnings, "warning")}`;
  }
  return warnings > 0 ? `works, with ${counted(warnings, "warning")}` : "everything works";
}
