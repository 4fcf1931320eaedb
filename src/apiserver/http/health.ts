/**
 * /healthz, /livez and /readyz, with ?verbose, ?exclude=NAME and single checks such as /readyz/etcd.
 * Source: https://kubernetes.io/docs/reference/using-api/health-checks/ and k8s.io/apiserver/pkg/server/healthz.
 */
import { newPathNotFound } from "../../apimachinery/status-error.ts";
import type { HealthCheck } from "./api-handler.ts";

export type HealthEndpoint = "healthz" | "livez" | "readyz";

export const healthEndpoints: readonly HealthEndpoint[] = ["healthz", "livez", "readyz"];

export interface HealthAnswer {
	readonly code: 200 | 500;
	readonly text: string;
}

/** The server answers at all. */
const pingCheck: HealthCheck = { name: "ping", liveness: true, check: () => undefined };

/** The checks of one endpoint, in the order they are printed: liveness leaves out what only makes the server unready. */
export function checksOf(endpoint: HealthEndpoint, checks: readonly HealthCheck[]): readonly HealthCheck[] {
	return [pingCheck, ...checks].filter((check) => endpoint === "readyz" || check.liveness);
}

/** Runs every check and words the result. What exactly failed stays in the server's log, as upstream has it. */
export async function checkHealth(
	endpoint: HealthEndpoint,
	checks: readonly HealthCheck[],
	query: URLSearchParams,
	onFailure: (check: string, error: unknown) => void,
): Promise<HealthAnswer> {
	const excluded = new Set(query.getAll("exclude"));
	const lines: string[] = [];
	let failed = false;
	for (const check of checksOf(endpoint, checks)) {
		if (excluded.delete(check.name)) {
			lines.push(`[+]${check.name} excluded: ok`);
		} else if (await passes(check, onFailure)) {
			lines.push(`[+]${check.name} ok`);
		} else {
			failed = true;
			lines.push(`[-]${check.name} failed: reason withheld`);
		}
	}
	if (excluded.size > 0) {
		const names = [...excluded]
			.sort()
			.map((name) => JSON.stringify(name))
			.join(",");
		lines.push(`warn: some health checks cannot be excluded: no matches for ${names}`);
	}
	if (failed) return { code: 500, text: `${lines.join("\n")}\n${endpoint} check failed\n` };
	return { code: 200, text: query.has("verbose") ? `${lines.join("\n")}\n${endpoint} check passed\n` : "ok" };
}

/**
 * Runs one check by its name; unlike the whole list, it says what failed.
 * @throws StatusError NotFound
 */
export async function checkOne(
	endpoint: HealthEndpoint,
	name: string,
	checks: readonly HealthCheck[],
	onFailure: (check: string, error: unknown) => void,
): Promise<HealthAnswer> {
	const check = checksOf(endpoint, checks).find((candidate) => candidate.name === name);
	if (check === undefined) throw newPathNotFound();
	let why = "";
	const isWell = await passes(check, (failed, error) => {
		why = error instanceof Error ? error.message : String(error);
		onFailure(failed, error);
	});
	return isWell ? { code: 200, text: "ok" } : { code: 500, text: `internal server error: ${why}\n` };
}

async function passes(check: HealthCheck, onFailure: (check: string, error: unknown) => void): Promise<boolean> {
	try {
		await check.check();
		return true;
	} catch (error) {
		onFailure(check.name, error);
		return false;
	}
}
