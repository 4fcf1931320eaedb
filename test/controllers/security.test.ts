import { securityLives } from "./lives/security.ts";
import { testLives } from "./properties.ts";

testLives(securityLives);
