// P1's conversation in FLOIP's flow-runner: prints {"cpu_us": ...} per message; exit code 3 where the package is missing.
let runner
try {
  runner = require('@floip/flow-runner')
} catch {
  process.exit(3)
}
console.info = console.warn = console.debug = () => {} // it logs a line per message, which is not counted
const students = Number(process.argv[2] || 400)
const note = 'I had two tests this week and slept badly, but the group project is going fine now.'

const block = (id, type, config, exits) => ({
  uuid: id, type, name: id, label: id, semantic_label: '', config, vendor_metadata: {},
  exits: exits.map((exit, place) => ({uuid: `${id}-${place}`, label: 'x', tag: 't', config: {}, ...exit})),
})
const to = id => [{destination_block: id, default: true}]
const flow = {
  uuid: 'weekly', name: 'weekly', label: 'weekly', last_modified: '2026-01-01 00:00:00.000000', interaction_timeout: 86400,
  supported_modes: ['TEXT'], languages: [], vendor_metadata: {}, first_block_id: 'ready',
  blocks: [
    block('ready', 'MobilePrimitives.Message', {prompt: 'Hi! Time for your weekly check-in. Ready?'}, to('mood')),
    block('mood', 'MobilePrimitives.NumericResponse',
      {prompt: 'How are you feeling this week?', validation_minimum: 1, validation_maximum: 5, ivr: {max_digits: 1}}, to('by_mood')),
    block('by_mood', 'Core.Case', {},
      [{destination_block: 'low', test: '@(flow.mood.value <= 2)'}, {destination_block: 'high', default: true}]),
    block('low', 'MobilePrimitives.OpenResponse', {prompt: 'What has been the hardest thing?'}, to('confirm')),
    block('high', 'MobilePrimitives.OpenResponse', {prompt: 'What went well?'}, to('confirm')),
    block('confirm', 'MobilePrimitives.SelectOneResponse', {prompt: 'Save this?', choices: {yes: 'yes', no: 'no'}}, to('bye')),
    block('bye', 'MobilePrimitives.Message', {prompt: 'Thank you, your mentor will read this.'}, to(undefined)),
  ],
}
const wanted = {'/checkin': 'weekly check-in', ready: 'feeling', [note]: 'Save', yes: 'Thank you'}

function converse() {
  const contexts = new Map()
  return async raw => {
    const {message} = JSON.parse(raw)
    const {from: {id, first_name: name}, text} = message
    let context = contexts.get(id)
    let cursor
    if (text === '/checkin') {
      context = await runner.createContextDataObjectFor(
        {id: String(id), name, created_at: '2026-01-01', groups: [], getProperty() {}, setProperty() {}},
        [], 'user', 'school', [flow], 'en', 'TEXT', [])
      cursor = await new runner.FlowRunner(context).run()
    } else {
      const walk = new runner.FlowRunner(context)
      const {prompt} = walk.hydrateRichCursorFrom(context)
      prompt.value = text === 'ready' ? null : prompt.config.kind === 'Numeric' ? Number(text) : text
      cursor = await walk.run()
    }
    const said = cursor.prompt.config.prompt
    const expected = wanted[text] || (Number(text) <= 2 ? 'hardest' : 'well')
    if (!said.includes(expected)) throw new Error(`expected "${expected}" after "${text}"`)
    if (text === 'yes') contexts.delete(id)
    else contexts.set(id, context)
  }
}

async function walk(count) {
  const step = converse()
  const texts = student => ['/checkin', 'ready', String((student % 5) + 1), note, 'yes']
  const rows = [0, 1, 2, 3, 4].map(place => Array.from({length: count}, (_, student) =>
    JSON.stringify({message: {from: {id: student, first_name: 'Maya'}, text: texts(student)[place]}})))
  const began = process.cpuUsage()
  for (const row of rows) for (const raw of row) await step(raw)
  const {user, system} = process.cpuUsage(began)
  return (user + system) / (count * rows.length)
}

async function main() {
  await walk(200)
  console.log(JSON.stringify({cpu_us: await walk(students)}))
}
main().catch(error => {
  console.error(error)
  process.exit(1)
})
