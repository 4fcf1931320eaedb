import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Collector } from "../../host/index.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";
import { piDigits } from "./perl.ts";

describe("digits of π", () => {
	test.each([
		[1, "3"],
		[2, "3.1"],
		[5, "3.1416"],
		[40, "3.141592653589793238462643383279502884197"],
	])("%i of them", (digits, text) => {
		expect(piDigits(digits)).toBe(text);
	});

	test("2,000 end as the documentation of Jobs prints them", () => {
		const text = piDigits(2_000);
		expect(text).toHaveLength(2_001);
		expect(text.slice(-60)).toBe("643719172874677646575739624138908658326459958133904780275901");
	});
});

describe("perl", () => {
	let harness: FleetHarness;
	beforeEach(async () => {
		harness = new FleetHarness();
		await harness.start();
	});
	afterEach(() => harness.stop());

	async function run(...command: readonly string[]): Promise<{ readonly printed: string; readonly phase: string | undefined }> {
		await harness.pod("pi", { image: "perl:5.34.0", command }, { restartPolicy: "Never" });
		await harness.clock.advance(30_000);
		const output = new Collector();
		const target = { namespace: "default", pod: "pi", container: "c", node: "n1" };
		const options = { follow: false, previous: false, timestamps: false };
		await harness.fleet.connector.logs(target, options, async (chunk) => output.write(chunk), new AbortController().signal);
		return { printed: output.text(), phase: (await harness.get("pi")).status?.phase };
	}

	test("prints π", async () => {
		expect(await run("perl", "-Mbignum=bpi", "-wle", "print bpi(10)")).toEqual({ printed: "3.141592654\n", phase: "Succeeded" });
	});

	test("prints a text", async () => {
		expect(await run("sh", "-c", `perl -e 'print "hello"'; perl -le 'print "."'`)).toEqual({ printed: "hello.\n", phase: "Succeeded" });
	});

	test.each([["print bpi(1000000)"], ["print 1 + 1"], ["while (1) {}"]])("refuses %s", async (code) => {
		const { printed, phase } = await run("perl", "-Mbignum=bpi", "-wle", code);
		expect(printed).toBe('perl: kubesim has no interpreter for this; it knows -Mbignum=bpi -wle "print bpi(N)", N up to 10000\n');
		expect(phase).toBe("Failed");
	});

	test("takes its time for it", async () => {
		await harness.pod(
			"slow",
			{ image: "perl:5.34.0", command: ["perl", "-Mbignum=bpi", "-wle", "print bpi(2000)"] },
			{ restartPolicy: "Never" },
		);
		await harness.clock.advance(9_000);
		expect((await harness.get("slow")).status?.phase).toBe("Running");
		await harness.clock.advance(2_000);
		expect((await harness.get("slow")).status?.phase).toBe("Succeeded");
	});
});
