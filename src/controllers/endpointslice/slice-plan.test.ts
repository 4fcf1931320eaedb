import fc from "fast-check";
import { expect, test } from "vitest";
import type { Endpoint, EndpointSlice } from "../../apimachinery/schema/generated/types.ts";
import { type EndpointGroup, maxEndpointsPerSlice, planSlices, type SlicePlan } from "./slice-plan.ts";

const ports = [{ name: "http", port: 80, protocol: "TCP" }];

function group(ids: readonly number[], ready = true, groupPorts = ports): EndpointGroup {
	const endpoints = ids.map((id): Endpoint => ({ addresses: [`10.0.${id >> 8}.${id & 255}`], conditions: { ready } }));
	return { addressType: "IPv4", ports: groupPorts, endpoints };
}

/** The slices after the plan was carried out. */
function apply({ wanted }: SlicePlan): EndpointSlice[] {
	return wanted.map(({ current, addressType, ports, endpoints }, index) => ({
		metadata: { name: current?.metadata?.name ?? `new-${index}` },
		addressType,
		ports,
		endpoints,
	}));
}

function writes(plan: SlicePlan): number {
	const changed = plan.wanted.filter(({ current, endpoints }) => JSON.stringify(current?.endpoints) !== JSON.stringify(endpoints));
	return changed.length + plan.remove.length;
}

const addressesOf = (slices: readonly EndpointSlice[]) =>
	slices.flatMap(({ endpoints = [] }) => endpoints.map(({ addresses }) => addresses[0])).sort();

test("through any history every endpoint is in exactly one slice, none is overfull, and nothing changes without need", () => {
	const step = fc.uniqueArray(fc.nat(400), { maxLength: 350 });
	fc.assert(
		fc.property(fc.array(step, { minLength: 1, maxLength: 5 }), (steps) => {
			let slices: EndpointSlice[] = [];
			for (const ids of steps) {
				const wanted = group(ids);
				slices = apply(planSlices([wanted], slices));
				expect(addressesOf(slices)).toEqual(addressesOf([wanted as EndpointSlice]));
				expect(Math.max(...slices.map(({ endpoints = [] }) => endpoints.length))).toBeLessThanOrEqual(maxEndpointsPerSlice);
				expect(slices.length).toBeGreaterThan(0);
				expect(writes(planSlices([wanted], slices))).toBe(0);
			}
		}),
		{ numRuns: 50 },
	);
});

test("one new endpoint costs one write, and a changed one too", () => {
	const ids = Array.from({ length: 250 }, (_, id) => id);
	const slices = apply(planSlices([group(ids)], []));
	expect(slices.map(({ endpoints }) => endpoints?.length)).toEqual([100, 100, 50]);
	expect(writes(planSlices([group([...ids, 250])], slices))).toBe(1);
	const oneUnready = { ...group(ids), endpoints: [...group([0], false).endpoints, ...group(ids.slice(1)).endpoints] };
	expect(writes(planSlices([oneUnready], slices))).toBe(1);
});

test("a Service that loses its endpoints, or changes its ports, keeps its slice and rewrites it", () => {
	const slices = apply(planSlices([group([1, 2])], []));
	const emptied = planSlices([{ addressType: "IPv4", ports: [], endpoints: [] }], slices);
	expect(emptied.remove).toEqual([]);
	expect(apply(emptied)).toEqual([{ metadata: { name: "new-0" }, addressType: "IPv4", ports: [], endpoints: [] }]);
	const moved = planSlices([group([1, 2], true, [{ name: "http", port: 81, protocol: "TCP" }])], slices);
	expect(moved.wanted.map(({ current }) => current?.metadata?.name)).toEqual(["new-0"]);
	expect(moved.remove).toEqual([]);
});
