// Opens VS Code in a headless Chromium and lets it run the extension's host tests.
//
// usage: node host.mjs URL WORKSPACE EXTENSION_DIR TESTS.js   (playwright-core is found from the cwd)
//
// A test that writes a name into the file `look` of $ARAWN_UPSTREAM gets NAME.png of the window there, and
// goes on when `look` is gone.
//
// A built VS Code looks at `extensionTestsPath` only with its smoke-test driver switched on, so that
// is switched on in the page it serves.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const { chromium } = createRequire(path.join(process.cwd(), "x.js"))("playwright-core");
const [url, workspace, extension, tests] = process.argv.slice(2);
const host = new URL(url).host;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-features=LocalNetworkAccessChecks",
  ],
});
const page = await (await browser.newContext()).newPage();
await page.exposeFunction("codeAutomationLog", () => {});
const ended = new Promise((resolve) => page.exposeFunction("codeAutomationExit", resolve));
await page.route(
  (address) => address.origin === url && address.pathname === "/",
  async (route) => {
    const response = await route.fetch();
    const body = (await response.text()).replace(
      /(id="vscode-workbench-web-configuration" data-settings=")([^"]*)"/,
      (_, start, escaped) => {
        const settings = JSON.parse(escaped.replace(/&quot;/g, '"').replace(/&amp;/g, "&"));
        settings.developmentOptions = { ...settings.developmentOptions, enableSmokeTestDriver: true };
        const json = JSON.stringify(settings).replace(/&/g, "&amp;").replace(/"/g, "&quot;");
        return `${start}${json}"`;
      },
    );
    await route.fulfill({ response, body });
  },
);
const payload = [
  ["extensionDevelopmentPath", `vscode-remote://${host}${extension}`],
  ["extensionTestsPath", `vscode-remote://${host}${tests}`],
];
const query = new URLSearchParams({ folder: workspace, payload: JSON.stringify(payload) });
await page.goto(`${url}/?${query}`);
const limit = new Promise((resolve) => setTimeout(() => resolve("timeout"), 150_000));
const folder = process.env.ARAWN_UPSTREAM;
const look = path.join(folder, "look");
const looking = setInterval(async () => {
  if (fs.existsSync(look)) {
    const name = fs.readFileSync(look, "utf8");
    await page.screenshot({ path: path.join(folder, `${name}.png`) });
    fs.rmSync(look, { force: true });
  }
}, 1000);
const code = await Promise.race([ended, limit]);
clearInterval(looking);
if (code !== 0) {
  await page.screenshot({ path: "host-tests.png" });
  console.error(`the host tests ended with ${code}; see ${path.resolve("host-tests.png")}`);
}
await browser.close();
process.exit(code === 0 ? 0 : 1);
