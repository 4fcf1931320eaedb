/**
 * Whatever users do with claims and volumes, and whatever goes wrong with requests and caches: a volume is never two claims', a claim never
 * has two volumes, nobody loses data that are to be kept, and when the trouble is over whatever can be bound is bound.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type KubeObject, objectKey } from "../../apimachinery/meta.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError, newInternalError } from "../../apimachinery/status-error.ts";
import { selectedNode } from "../../apimachinery/storage/annotations.ts";
import { findMatchingVolume, hasAnnotation } from "../../apimachinery/storage/volume-matching.ts";
import { nodes, persistentVolumeClaims, persistentVolumes, type ResourceRef, storageClasses } from "../../client/resources.ts";
import { csiDriver } from "../csi-driver/csi-driver.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { persistentVolumeBinder } from "./binder-controller.ts";

const classNames = ["", "static", "fast", "late"] as const;

type Command =
	| { readonly type: "volume"; readonly name: number; readonly size: number; readonly class: number; readonly keptFor: number }
	| { readonly type: "claim"; readonly name: number; readonly size: number; readonly class: number; readonly wants: number }
	| { readonly type: "deleteClaim" | "deleteVolume" | "free" | "select"; readonly name: number }
	| { readonly type: "refuse"; readonly requests: number }
	| { readonly type: "wait"; readonly ms: number };

/** Few names, so that claims and volumes meet. */
const name = fc.nat(3);
const command: fc.Arbitrary<Command> = fc.oneof(
	{
		weight: 5,
		arbitrary: fc.record({
			type: fc.constant("volume"),
			name,
			size: fc.integer({ min: 1, max: 4 }),
			class: fc.nat(3),
			keptFor: fc.nat(14),
		}),
	},
	{
		weight: 6,
		arbitrary: fc.record({ type: fc.constant("claim"), name, size: fc.integer({ min: 1, max: 3 }), class: fc.nat(3), wants: fc.nat(14) }),
	},
	{ weight: 6, arbitrary: fc.record({ type: fc.constantFrom("deleteClaim", "deleteClaim", "free", "select"), name }) },
	{ weight: 1, arbitrary: fc.record({ type: fc.constant("deleteVolume"), name }) },
	{ weight: 1, arbitrary: fc.record({ type: fc.constant("refuse"), requests: fc.integer({ min: 1, max: 4 }) }) },
	{ weight: 4, arbitrary: fc.record({ type: fc.constant("wait"), ms: fc.constantFrom(0, 20, 1_000, 16_000) }) },
) as fc.Arbitrary<Command>;

class World {
	readonly fixture = new ControllerFixture();
	readonly broken: string[] = [];
	/** What the server has, from its own events. */
	readonly volumes = new Map<string, PersistentVolume>();
	readonly claims = new Map<string, PersistentVolumeClaim>();
	/** The user is at work, not the controllers. */
	#isUser = false;
	/** Volumes that the user deletes. */
	readonly #given = new Set<string>();
	#refusals = 0;

	async start(lagMs: number): Promise<void> {
		const { api, client, clock } = this.fixture;
		for (const resource of ["persistentvolumes", "persistentvolumeclaims"]) if (lagMs > 0) api.watchDelayMs.set(resource, lagMs);
		for (const [index, className] of classNames.slice(2).entries()) {
			await client.resource(storageClasses).create({
				metadata: { name: className },
				provisioner: "disk.csi.kubesim.io",
				reclaimPolicy: index === 0 ? "Retain" : "Delete",
				volumeBindingMode: className === "late" ? "WaitForFirstConsumer" : "Immediate",
			});
		}
		await client.resource(nodes).create({ metadata: { name: "n1" } });
		api.intercept = ({ verb }) => {
			if (this.#isUser || verb === "get" || verb === "list" || verb === "watch" || this.#refusals === 0) return;
			this.#refusals--;
			throw newInternalError("no");
		};
		await this.#follow(persistentVolumes, this.volumes, (old, volume) => this.#judgeVolume(old, volume));
		await this.#follow(persistentVolumeClaims, this.claims, () => this.#judgeClaims());
		await this.fixture.start(persistentVolumeBinder, csiDriver);
		await clock.advance(0);
	}

	/** Keeps up with the server itself, not with a cache: the lag is the controllers' alone. */
	async #follow<T extends KubeObject>(
		ref: ResourceRef<T>,
		known: Map<string, T>,
		judge: (old: T | undefined, object: T | undefined) => void,
	) {
		const request = this.fixture.api.request.bind(this.fixture.api);
		this.fixture.api.request = async (asked) => {
			const answer = await request(asked);
			if (asked.resource !== ref.resource || ["get", "list"].includes(asked.verb)) return answer;
			const { object } = await request({ ...ref, verb: "list" });
			const items = new Map((object as { readonly items?: readonly T[] }).items?.map((item) => [objectKey(item), item]));
			for (const key of new Set([...known.keys(), ...items.keys()])) {
				const [old, now] = [known.get(key), items.get(key)];
				if (now === undefined) known.delete(key);
				else known.set(key, now);
				if (old?.metadata?.resourceVersion !== now?.metadata?.resourceVersion) judge(old, now);
			}
			return answer;
		};
	}

	#judgeVolume(old: PersistentVolume | undefined, volume: PersistentVolume | undefined): void {
		const [before, after] = [old?.spec?.claimRef?.uid ?? "", volume?.spec?.claimRef?.uid ?? ""];
		const what = `${old?.metadata?.name}`;
		if (volume !== undefined && before !== "" && after !== "" && before !== after) this.broken.push(`${what} went from claim to claim`);
		if (this.#isUser || old?.spec?.persistentVolumeReclaimPolicy !== "Retain") return;
		if (volume === undefined && !this.#given.has(what)) this.broken.push(`${what} was to be kept`);
		const isGivenUp = old.status?.phase === "Released" && before !== "" && after === "";
		if (isGivenUp) this.broken.push(`${what} was given up with what is on it`);
	}

	#judgeClaims(): void {
		const bound = [...this.claims.values()].filter(({ status }) => status?.phase === "Bound").map(({ spec }) => spec?.volumeName);
		if (new Set(bound).size < bound.length) this.broken.push(`two claims have one volume: ${bound.join(" ")}`);
	}

	async apply(given: Command): Promise<void> {
		this.#isUser = true;
		try {
			await this.#carryOut(given);
		} catch (error) {
			// The user learns that it is there already, or is not.
			if (!isStatusError(error, "AlreadyExists", "NotFound", "Conflict")) throw error;
		} finally {
			this.#isUser = false;
		}
		if (given.type === "wait") await this.fixture.clock.advance(given.ms);
	}

	async #carryOut(given: Command): Promise<void> {
		const { client } = this.fixture;
		switch (given.type) {
			case "volume": {
				const claimRef = given.keptFor < 5 ? { claimRef: { namespace: "default", name: `c${given.keptFor}` } } : {};
				const spec = { capacity: { storage: `${given.size}Gi` }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/mnt" }, ...claimRef };
				await client.resource(persistentVolumes).create({
					metadata: { name: `v${given.name}` },
					spec: { ...spec, storageClassName: classNames[given.class] ?? "", persistentVolumeReclaimPolicy: "Retain" },
					status: { phase: "Pending" },
				});
				return;
			}
			case "claim": {
				const wants = given.wants < 5 ? { volumeName: `v${given.wants}` } : {};
				const resources = { requests: { storage: `${given.size}Gi` } };
				await client.resource(persistentVolumeClaims).create({
					metadata: { namespace: "default", name: `c${given.name}` },
					spec: { accessModes: ["ReadWriteOnce"], resources, storageClassName: classNames[given.class] ?? "", ...wants },
					status: { phase: "Pending" },
				});
				return;
			}
			case "deleteClaim":
				await client.resource(persistentVolumeClaims).delete({ namespace: "default", name: `c${given.name}` });
				return;
			case "deleteVolume":
				this.#given.add(`v${given.name}`);
				await client.resource(persistentVolumes).delete({ name: `v${given.name}` });
				return;
			case "free": {
				const volume = await client.resource(persistentVolumes).get({ name: `v${given.name}` });
				const { claimRef: _, ...spec } = volume.spec ?? {};
				if (volume.status?.phase === "Released") await client.resource(persistentVolumes).update({ ...volume, spec });
				return;
			}
			case "select":
				await client
					.resource(persistentVolumeClaims)
					.patch({ namespace: "default", name: `c${given.name}` }, "application/merge-patch+json", {
						metadata: { annotations: { [selectedNode]: "n1" } },
					});
				return;
			case "refuse":
				this.#refusals = given.requests;
				return;
			case "wait":
				return;
			default:
				given satisfies never;
		}
	}

	/** What is still wrong when there was time enough. */
	async faults(): Promise<readonly string[]> {
		this.#refusals = 0;
		await this.fixture.clock.advance(600_000);
		await this.fixture.stop();
		const claims = [...this.claims.values()];
		const volumes = [...this.volumes.values()];
		const ofClaims = claims.flatMap((claim) => {
			const volume = this.volumes.get(claim.spec?.volumeName ?? "");
			const isTheirs = volume?.spec?.claimRef?.uid === claim.metadata?.uid && volume?.status?.phase === "Bound";
			if (claim.status?.phase === "Bound" && !isTheirs) return [`${claim.metadata?.name} is Bound to what is not its own`];
			if (claim.status?.phase !== "Pending" || (claim.spec?.volumeName ?? "") !== "") return [];
			const isDelayed = claim.spec?.storageClassName === "late";
			if (findMatchingVolume(claim, volumes, { isDelayed }) !== undefined) return [`${claim.metadata?.name} could have a volume`];
			const isMade = claim.spec?.storageClassName === "fast" || (isDelayed && hasAnnotation(claim, selectedNode));
			return isMade ? [`${claim.metadata?.name} was to get a disk`] : [];
		});
		const ofVolumes = volumes.flatMap(({ metadata, spec, status }) => {
			const claim = this.claims.get(`${spec?.claimRef?.namespace}/${spec?.claimRef?.name}`);
			const isTheirs = claim?.metadata?.uid === spec?.claimRef?.uid && claim?.spec?.volumeName === metadata?.name;
			if (status?.phase === "Bound" && !isTheirs) return [`${metadata?.name} is Bound to nobody`];
			const isOver = status?.phase === "Released" && spec?.persistentVolumeReclaimPolicy === "Delete";
			return isOver ? [`${metadata?.name} was to be deleted`] : [];
		});
		return [...ofClaims, ...ofVolumes];
	}
}

test.each([
	["caches that are up to date", 0],
	["caches that lag", 300],
])("bindings keep their promises with %s", async (_name, lagMs) => {
	await fc.assert(
		fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 60, size: "max" }), async (commands) => {
			const world = new World();
			await world.start(lagMs);
			for (const each of commands) await world.apply(each);
			const faults = await world.faults();
			expect(world.broken).toEqual([]);
			expect(faults).toEqual([]);
		}),
		{ numRuns: 60 },
	);
});
