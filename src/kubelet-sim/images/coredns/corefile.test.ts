import { describe, expect, it, test } from "vitest";
import { parseCorefile } from "./corefile.ts";
import { knownDirectives } from "./plugins.ts";

const parse = (text: string) => parseCorefile(text, "Corefile", knownDirectives);

test("a Corefile is server blocks of directives", () => {
	const blocks = parse(`# names
.:53 {
    errors
    health {
       lameduck 5s
    }
    forward . /etc/resolv.conf # upstream
}
consul.local:53, Other.Example. {
    hosts {
      10.0.0.1 a.consul.local
      fallthrough
    }
}
`);
	expect(blocks.map(({ zones, port }) => [zones, port])).toEqual([
		[["."], 53],
		[["consul.local", "other.example"], 53],
	]);
	expect(blocks[0]?.directives.map(({ name, args, block }) => [name, args, block])).toEqual([
		["errors", [], []],
		["health", [], [["lameduck", "5s"]]],
		["forward", [".", "/etc/resolv.conf"], []],
	]);
	expect(blocks[1]?.directives[0]?.block).toEqual([["10.0.0.1", "a.consul.local"], ["fallthrough"]]);
});

describe("what is wrong with one", () => {
	it.each([
		[".:53\n", "Corefile:1 - Error during parsing: Unexpected token '.:53', expecting '{'"],
		[". {\n  foo\n}\n", "Corefile:2 - Error during parsing: Unknown directive 'foo'"],
		[". {\n  errors\n", "Corefile:1 - Error during parsing: Unexpected EOF"],
		[". {\n  health {\n", "Corefile:2 - Error during parsing: Unexpected EOF"],
	])("%j", (text, message) => {
		expect(() => parse(text)).toThrow(message);
	});
});
