/**
 * AdmissionConfiguration (apiserver.config.k8s.io/v1), the file of --admission-control-config-file: what single plugins are set up
 * with, in it or in files of their own. Loaded when there is such a file. Not there: plugins other than ImagePolicyWebhook, which
 * is refused.
 * Source: https://kubernetes.io/docs/reference/config-api/apiserver-config.v1/#apiserver-config-k8s-io-v1-AdmissionConfiguration,
 * k8s.io/apiserver/pkg/admission/config.go
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import { isJsonObject, type JsonObject } from "../../apimachinery/json.ts";
import type { Random } from "../../apimachinery/random.ts";
import { connectWebhook } from "../authorization/webhook-connection.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { imagePolicyWebhook, readImagePolicyTimes } from "./image-policy-webhook.ts";
import { AdmissionSwitchError } from "./plugin-order.ts";

const timeoutMs = 30_000;

interface Environment {
	readonly clock: Clock;
	readonly random: Random;
}

/** The plugins that the file sets up. @throws AdmissionSwitchError */
export function loadAdmissionConfiguration(path: string, environment: Environment): readonly AdmissionPlugin[] {
	const config = readObject(path);
	if (config.kind !== "AdmissionConfiguration" || config.apiVersion !== "apiserver.config.k8s.io/v1") {
		throw new AdmissionSwitchError(`${path} is no AdmissionConfiguration of apiserver.config.k8s.io/v1`);
	}
	const plugins = Array.isArray(config.plugins) ? config.plugins.filter(isJsonObject) : [];
	return plugins.map((plugin) => {
		const name = typeof plugin.name === "string" ? plugin.name : "";
		if (name !== "ImagePolicyWebhook") {
			throw new AdmissionSwitchError(`the configuration of admission plugin ${name} can't be read from a file (see docs/status.md)`);
		}
		return explained(name, () => makeImagePolicy(plugin, path, environment));
	});
}

function makeImagePolicy({ path, configuration }: JsonObject, owner: string, environment: Environment): AdmissionPlugin {
	const isElsewhere = typeof path === "string" && path !== "";
	const file = isElsewhere ? resolve(dirname(owner), path) : owner;
	const content = isElsewhere ? readObject(file) : configuration;
	const { imagePolicy } = isJsonObject(content) ? content : {};
	if (!isJsonObject(imagePolicy)) throw new Error("no imagePolicy is configured");
	const { kubeConfigFile, defaultAllow } = imagePolicy;
	if (typeof kubeConfigFile !== "string" || kubeConfigFile === "") throw new Error("no kubeConfigFile is configured");
	return imagePolicyWebhook({
		...readImagePolicyTimes(imagePolicy),
		defaultAllow: defaultAllow === true,
		post: connectWebhook(resolve(dirname(file), kubeConfigFile), timeoutMs, new WallClock()),
		...environment,
	});
}

function readObject(file: string): JsonObject {
	let value: unknown;
	try {
		value = parse(readFileSync(file, "utf8"));
	} catch (error) {
		throw new AdmissionSwitchError(`unable to read admission control configuration from ${JSON.stringify(file)} [${String(error)}]`);
	}
	if (!isJsonObject(value)) throw new AdmissionSwitchError(`${file} holds no configuration`);
	return value;
}

function explained<T>(name: string, make: () => T): T {
	try {
		return make();
	} catch (error) {
		if (error instanceof AdmissionSwitchError) throw error;
		const why = error instanceof Error ? error.message : String(error);
		throw new AdmissionSwitchError(`couldn't init admission plugin ${JSON.stringify(name)}: ${why}`);
	}
}
