/** `kubectl wait`: for a condition, a value, an object's coming or going. */
import type { KubeObject } from "../../apimachinery/meta.ts";
import { type Call, splitAt, valuesAt } from "./call.ts";
import { UnknownCallError } from "./words.ts";

/** Real ms. */
const usualTimeoutMs = 30_000;

type Holds = (object: KubeObject) => boolean;

export async function wait(call: Call): Promise<number> {
	const what = call.flag("for") ?? "";
	const present = async () => (await call.find(call.args, true)).flatMap(({ object }) => (object === undefined ? [] : [object]));
	const named = (await call.named(call.args)).length;
	let holds: () => Promise<boolean>;
	if (what === "delete") holds = async () => (await present()).length === 0;
	else if (what === "create") holds = async () => (await present()).length >= named;
	else {
		const isMet = conditionOf(what);
		if ((await call.find(call.args)).length === 0) throw new Error("no matching resources found");
		holds = async () => {
			const objects = await present();
			return objects.length >= named && objects.every(isMet);
		};
	}
	const isMet = await call.comes(call.durationMs("timeout", usualTimeoutMs), holds);
	if (isMet) call.say(`${call.args.join(" ")} condition met`);
	else call.streams.stderr.write(`error: timed out waiting for the condition on ${call.args.join(" ")}\n`);
	return isMet ? 0 : 1;
}

/** `condition=Ready`, `condition=Ready=unknown`, `jsonpath={.status.phase}=Running`; @throws UnknownCallError */
function conditionOf(what: string): Holds {
	const [kind, rest] = splitAt(what, "=");
	if (kind === "condition") {
		const [type, value] = splitAt(rest, "=");
		const wanted = (value === "" ? "true" : value).toLowerCase();
		return (object) =>
			valuesAt(object, ".status.conditions[*]").some((condition) => {
				const { type: known, status } = condition as { readonly type?: string; readonly status?: string };
				return known?.toLowerCase() === type.toLowerCase() && status?.toLowerCase() === wanted;
			});
	}
	const [, path, value] = (kind === "jsonpath" && /^\{(.*)\}(?:=(.*))?$/s.exec(rest)) || [];
	if (path === undefined) throw new UnknownCallError(`--for=${what}`);
	return (object) => {
		const [first] = valuesAt(object, path);
		return value === undefined ? first !== undefined : first !== undefined && String(first) === value;
	};
}
