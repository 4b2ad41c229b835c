// knex migrates up, looks, and down again. Usage: knex_migrates.js CLIENT PORT DATABASE
const [, , client, port, database] = process.argv;
const knex = require('knex')({ client, connection: { host: '127.0.0.1', port: Number(port), user: 'app', password: 'app', database }, pool: { min: 0, max: 3 } });
const steps = [
  ['001_first', async k => {
    await k.schema.createTable('k_people', t => { t.increments('id'); t.string('name', 40).notNullable().unique(); t.timestamp('at').defaultTo(k.fn.now()); t.json('doc'); });
    await k.schema.createTable('k_pets', t => { t.bigIncrements('id'); t.integer('owner').unsigned().references('id').inTable('k_people').onDelete('CASCADE'); t.enu('kind', ['cat', 'dog']); t.decimal('cost', 8, 2); t.index(['kind', 'cost']); });
  }, async k => { await k.schema.dropTable('k_pets'); await k.schema.dropTable('k_people'); }],
  ['002_second', async k => {
    await k.schema.alterTable('k_people', t => { t.string('email'); t.renameColumn('name', 'full_name'); });
    await k.schema.createTable('away_k', t => { t.integer('id').primary(); t.string('note'); });
    await k('k_people').insert({ full_name: 'Ann', email: 'a@b' }); await k('away_k').insert([{ id: 1, note: 'x' }, { id: 2, note: 'y' }]);
  }, async k => { await k.schema.dropTable('away_k'); await k.schema.alterTable('k_people', t => { t.dropColumn('email'); t.renameColumn('full_name', 'name'); }); }],
];
const source = { getMigrations: async () => steps, getMigrationName: s => s[0], getMigration: async s => ({ up: s[1], down: s[2] }) };
(async () => {
  const config = { migrationSource: source };
  console.log(await knex.migrate.latest(config));
  console.log(await knex.migrate.list(config).then(l => l.map(x => x.length)), await knex.migrate.currentVersion(config));
  console.log(await knex('k_people').columnInfo(), await knex.schema.hasTable('k_pets'), await knex.schema.hasColumn('k_pets', 'kind'));
  console.log(await knex('k_people').select('full_name', 'email'), await knex('away_k').orderBy('id'));
  console.log(await knex.migrate.rollback(config), await knex.migrate.up({ ...config, name: '001_first' }), await knex.migrate.rollback(config, true));
  console.log(await knex.schema.hasTable('k_people'), await knex.schema.hasTable('away_k'));
  await knex.schema.dropTable('knex_migrations'); await knex.schema.dropTable('knex_migrations_lock');
  console.log('done');
})().catch(e => { console.log(e); process.exitCode = 1; }).finally(() => knex.destroy());
