/** How a cluster comes to be: its store and certificates are opened, its configuration is read, and the parts are put together (cluster.ts). */
import type { Clock } from "../apimachinery/clock/clock.ts";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { WallClock } from "../apimachinery/clock/wall-clock.ts";
import { readFeatureGates } from "../apimachinery/feature-gates.ts";
import { silentLog } from "../apimachinery/log.ts";
import { createEntropyRandom, type Random, SeededRandom } from "../apimachinery/random.ts";
import { idsOf } from "../apiserver/api-server.ts";
import { openAuthentication } from "../apiserver/authentication/authentication-options.ts";
import type { LoadedAuthorizers } from "../apiserver/authorization/authorization-config.ts";
import { loadOrCreatePki, type Pki } from "../apiserver/pki/pki.ts";
import type { Store } from "../store/index.ts";
import { readAddons } from "./addons/addon-names.ts";
import { ImagedStore } from "./bootstrap-image.ts";
import { Cluster } from "./cluster.ts";
import { type ClusterOptions, type ClusterParts, pkiDirectory, serviceCidr } from "./cluster-options.ts";
import { isInMemory, openStore } from "./store-option.ts";

/** Makes a cluster, or brings back the one in `dataDir`, with everything in it running. See `whenNodesReady`. */
export async function createCluster(options: ClusterOptions = {}): Promise<Cluster> {
	const cluster = await open(options, true);
	try {
		await cluster.start();
		return cluster;
	} catch (error) {
		await cluster.close();
		throw error;
	}
}

/**
 * The first half of `createCluster`: opens the store and makes the API server. It can `listen` already; what it serves
 * comes with `start`. Rejects with the errors of the store's door, `PkiError`, `AdmissionSwitchError`, `FeatureGateError`, `SchedulerConfigurationError`
 * and `ProfileError`.
 */
export function openCluster(options: ClusterOptions): Promise<Cluster> {
	return open(options, false);
}

/** @param starts whether `start` follows at once, so that nobody sees whether the store was empty */
async function open(options: ClusterOptions, starts: boolean): Promise<Cluster> {
	const clock = options.clock ?? new WallClock();
	const random = options.seed === undefined ? createEntropyRandom() : new SeededRandom(options.seed);
	const log = options.log ?? silentLog;
	const gates = readFeatureGates(options.featureGates ?? {});
	const installed = readAddons(options.addons ?? []);
	const authorizers = await makeAuthorizers(options, { clock, random });
	const admission = await configuredAdmission(options, { clock, random });
	const identities = await openAuthentication(options.authentication ?? {}, { clock, log });
	options.onProgress?.("opening the store");
	const imaged = starts && canUseImage(options, clock) ? await ImagedStore.open(() => idsOf(random), clock.now(), serviceCidr) : undefined;
	const opening = openStore({ ...options, clock, log, random, ...(imaged === undefined ? {} : { backend: imaged.backend }) });
	const [opened, pki] = await Promise.all([opening, openPki(options, clock.now())]).catch(async (error: unknown) => {
		await opening.then(
			({ store }) => store.close(),
			() => undefined,
		);
		throw error;
	});
	try {
		const encryption = await encrypted(opened.store, options);
		const cluster = new Cluster({
			...options,
			...opened,
			...admission,
			authorizers,
			identities,
			...encryption,
			gates,
			installed,
			clock,
			random,
			log,
			pki,
			imaged,
		});
		await cluster.followFiles();
		if (options.audit !== undefined) await cluster.openAudit(options.audit);
		await cluster.apiServer.start();
		return cluster;
	} catch (error) {
		await opened.store.close();
		throw error;
	}
}

/**
 * Whether a bootstrap may be taken from an earlier cluster's: of a store in memory in virtual time, in which nobody looks on, and nobody
 * has a say in what is made.
 */
function canUseImage(
	{ seed, admission, authorization, encryptionProviderConfig, audit, featureGates, storeSnapshot, ...options }: ClusterOptions,
	clock: Clock,
): boolean {
	const isPlain = [admission, authorization, encryptionProviderConfig, audit, featureGates, storeSnapshot].every(
		(option) => option === undefined,
	);
	return isPlain && seed !== undefined && clock instanceof VirtualClock && isInMemory(options);
}

/** Undefined: the usual ones. Rejects with AuthorizationConfigError. */
async function makeAuthorizers(
	{ authorization }: ClusterOptions,
	environment: { readonly clock: Clock; readonly random: Random },
): Promise<LoadedAuthorizers | undefined> {
	if (authorization === undefined) return undefined;
	const { loadAuthorizers } = await import("../apiserver/authorization/authorization-config.ts");
	return loadAuthorizers(authorization, environment);
}

/** What is asked for, with what the file sets up. Rejects with `AdmissionSwitchError`. */
async function configuredAdmission(
	{ admission, admissionControlConfigFile: file }: ClusterOptions,
	environment: { readonly clock: Clock; readonly random: Random },
): Promise<Pick<ClusterOptions, "admission">> {
	if (file === undefined) return {};
	const { loadAdmissionConfiguration } = await import("../apiserver/admission/admission-configuration.ts");
	const random = environment.random.fork("admission configuration");
	return { admission: { ...admission, configured: loadAdmissionConfiguration(file, { ...environment, random }) } };
}

/** The store as the API server sees it, and the file that decides it if that is to be followed. Rejects with `EncryptionConfigError`. */
async function encrypted(
	store: Store,
	options: Pick<ClusterOptions, "encryptionProviderConfig" | "encryptionProviderConfigAutomaticReload" | "featureGates">,
): Promise<Pick<ClusterParts, "store" | "encryptionFile">> {
	const { encryptionProviderConfig: path, encryptionProviderConfigAutomaticReload: isFollowed = false } = options;
	if (path === undefined) return { store };
	const { loadEncryptionConfig, parseEncryptionConfig } = await import("../apiserver/storage/encryption/configuration.ts");
	const { EncryptedStore } = await import("../apiserver/storage/encryption/encrypted-store.ts");
	const { kindsFor } = await import("../apiserver/registry/gated-kinds.ts");
	const { text, transformerFor } = await loadEncryptionConfig(path);
	const encryptedStore = new EncryptedStore(store, transformerFor, kindsFor(readFeatureGates(options.featureGates ?? {})));
	if (!isFollowed) return { store: encryptedStore };
	const apply = async (next: string) => encryptedStore.replace(await parseEncryptionConfig(next, path));
	return { store: encryptedStore, encryptionFile: { kind: "encryption", path, text, apply } };
}

async function openPki({ pki, ...options }: ClusterOptions, nowMs: number): Promise<Pki> {
	return pki ?? (await loadOrCreatePki(pkiDirectory(options), { nowMs }));
}
