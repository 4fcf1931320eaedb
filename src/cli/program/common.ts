/** What commands of all kinds have in common. */
import { Option } from "commander";
import { defaultClusterName } from "../cluster-name.ts";

export const nameOption = () => new Option("--name <name>", "which cluster").default(defaultClusterName);
export const outputOption = () => new Option("-o, --output <format>", "print JSON").choices(["json"]);

export function examples(...lines: readonly string[]): string {
	return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}
