// usage: node web/screenshot.mjs OUT.png
//
// The calculator in the playground, with one head's scores, for the README (tools/screenshots).
import path from 'path'
import { chromium } from 'playwright-core'
import { pathToFileURL } from 'url'

const page = path.resolve(import.meta.dirname, '../build-web/page/playground.html')
const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
	args: ['--no-sandbox'],
})
const view = await browser.newPage({ viewport: { width: 1280, height: 800 } })
await view.goto(`${pathToFileURL(page).href}#example=calculator&q=12*34%3D`)
await view.waitForFunction(() => document.body.dataset.ready === '')
await view.click('[data-id="head 1.0"] .what')
await view.waitForSelector('.scores .won')
await view.evaluate(() => document.activeElement.blur())
await view.screenshot({ path: process.argv[2] })
await browser.close()
