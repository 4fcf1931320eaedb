import { expect, it } from "vitest";
import { rewriteAddress, rewriteHtml } from "./proxy-rewrite.ts";

const addresses = { prefix: "/api/v1/pods/web/proxy", targetHost: "10.244.0.2:80", requestHost: "127.0.0.1:8001" };

it.each([
	["/login?next=/#top", "/api/v1/pods/web/proxy/login?next=/#top"],
	["http://10.244.0.2:80/login", "/api/v1/pods/web/proxy/login"],
	["http://127.0.0.1:8001/login", "http://127.0.0.1:8001/api/v1/pods/web/proxy/login"],
	["//10.244.0.2:80/a/", "/api/v1/pods/web/proxy/a/"],
	["/api/v1/pods/web/proxy/there", "/api/v1/pods/web/proxy/there"],
	["page.html", "page.html"],
	["?x=1", "?x=1"],
	["#part", "#part"],
	["https://kubernetes.io/docs", "https://kubernetes.io/docs"],
	["mailto:a@b.c", "mailto:a@b.c"],
])("%s becomes %s", (address, expected) => {
	expect(rewriteAddress(address, addresses)).toBe(expected);
});

it("rewrites what a page refers to, and nothing else of it", () => {
	const page =
		'<!DOCTYPE html><html><head><link rel="x" href="/style.css"><script src=\'/a.js\'></script></head>' +
		'<body title="/not"><a class="b" href="/next">/text</a><img alt="/alt" src="http://other/pic.png"/><p href="/p">';
	expect(rewriteHtml(page, addresses)).toBe(
		'<!DOCTYPE html><html><head><link rel="x" href="/api/v1/pods/web/proxy/style.css"><script src=\'/api/v1/pods/web/proxy/a.js\'></script></head>' +
			'<body title="/not"><a class="b" href="/api/v1/pods/web/proxy/next">/text</a><img alt="/alt" src="http://other/pic.png"/><p href="/p">',
	);
});
