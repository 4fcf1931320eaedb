import { expect, test } from "vitest";
import { exponentialBuckets, formatFloat, MetricRegistry, renderMetrics } from "./registry.ts";

test("a page: families by name, series by labels, heads with stability and deprecation", () => {
	const registry = new MetricRegistry();
	const total = registry.counter({ name: "b_total", help: "Things.", labels: ["code", "verb"], stability: "STABLE" });
	total.of("404", "GET").add();
	total.of("200", "GET").add(2);
	total.of("200", "GET").add();
	const gauge = registry.gauge({ name: "a", help: "Old\\\nthing", stability: "ALPHA", deprecated: "1.34.0" });
	registry.onCollect(() => {
		gauge.of().value = 7;
	});
	registry.gauge({ name: "never_seen", help: "" });
	expect(renderMetrics([registry])).toBe(
		[
			"# HELP a [ALPHA] (Deprecated since 1.34.0) Old\\\\\\nthing",
			"# TYPE a gauge",
			"a 7",
			"# HELP b_total [STABLE] Things.",
			"# TYPE b_total counter",
			'b_total{code="200",verb="GET"} 3',
			'b_total{code="404",verb="GET"} 1',
			"",
		].join("\n"),
	);
});

test("a metric that is asked for again goes on counting", () => {
	const registry = new MetricRegistry();
	for (let term = 0; term < 2; term++) registry.counter({ name: "a_total", help: "A" }).of().add();
	expect(renderMetrics([registry])).toBe("# HELP a_total A\n# TYPE a_total counter\na_total 2\n");
});

test("a histogram counts at or below each bound", () => {
	const registry = new MetricRegistry();
	const histogram = registry.histogram({ name: "h", help: "H", labels: ["x"], buckets: [0.1, 1, 2.5] }).of('a"b\\c\nd');
	for (const value of [0.1, 0.2, 1, 2.5, 3]) histogram.observe(value);
	const labels = 'x="a\\"b\\\\c\\nd"';
	expect(renderMetrics([registry]).split("\n").slice(2)).toEqual([
		`h_bucket{${labels},le="0.1"} 1`,
		`h_bucket{${labels},le="1"} 3`,
		`h_bucket{${labels},le="2.5"} 4`,
		`h_bucket{${labels},le="+Inf"} 5`,
		`h_sum{${labels}} 6.8`,
		`h_count{${labels}} 5`,
		"",
	]);
});

test.each([
	[0, "0"],
	[1, "1"],
	[-1.5, "-1.5"],
	[999_999, "999999"],
	[1_000_000, "1e+06"],
	[1_234_567, "1.234567e+06"],
	[1e21, "1e+21"],
	[0.0001, "0.0001"],
	[0.00001, "1e-05"],
	[Number.POSITIVE_INFINITY, "+Inf"],
	[Number.NEGATIVE_INFINITY, "-Inf"],
	[Number.NaN, "NaN"],
])("%d is written as Go writes it", (value, expected) => {
	expect(formatFloat(value)).toBe(expected);
});

test("exponential buckets", () => {
	expect(exponentialBuckets(1000, 10, 4)).toEqual([1000, 10_000, 100_000, 1_000_000]);
});
