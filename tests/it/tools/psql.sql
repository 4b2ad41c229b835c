\d
\dt
\dt *.*
\dtvms
\d items
\d+ items
\d lines
\d inh
\d parts
\d+ parts
\d parts_1
\d cheap
\d+ cheap
\d dear
\d shopping.carts
\d+ shopping.*
\d ticket
\d items_pkey
\di
\ds
\dv
\dm
\df
\df+
\df plus
\dfn
\dft
\da mysum
\dn
\dn+
\dT
\dT+
\dD
\du
\du+
\dg
\l
\dx
\dp
\ddp
\drds
\dRs
\dy
\dX
\dE
\des
\dew
\det
\deu
\dF
\dFp
\dFd
\dFt
\dA
\dAc btree
\dAf btree
\dAo btree
\dAp btree
\db
\dc
\dC
\dd
\dL
\dO
\do ||
\dconfig work_mem
\dl
\sf plus
\sf+ plus
\sv cheap
\z items
\encoding
\x
\d items
select * from items order by id;
\x auto
select * from lines order by id;
\x off
\pset null '<null>'
select * from items order by id;
\gdesc
select id, name, price, m, tags from items \gdesc
select 'select 1' union all select 'select 2' \gexec
select 7 as seven \gset
\echo :seven
select 1 as a, 2 as b, 3 as c \crosstabview a b c
copy items (name, price) to stdout;
\copy lines to stdout csv header
copy lines from stdin;
3	1	\N
\.
table lines;
delete from lines where id = 3;
\errverbose
select 1/0;
\errverbose
selec 1;
select * from nowhere;
\d nowhere
\set VERBOSITY verbose
select * from nowhere;
\set VERBOSITY sqlstate
select 1/0;
\set ON_ERROR_ROLLBACK on
begin;
select 1/0;
select 2;
insert into lines values (9, 1, 'n');
savepoint a;
select nope;
rollback to a;
rollback;
\set AUTOCOMMIT off
insert into lines values (9, 1, 'n');
rollback;
\set AUTOCOMMIT on
\set FETCH_COUNT 2
select * from items order by id;
select * from generate_series(1,5);
\set FETCH_COUNT 0
\timing off
\bind 5
select $1::int + 1 \bind 5 \g
show all
;
select 1; select 2; select 3/0; select 4;
select 1\; select 2\; select 3;
begin\; select 1\; commit;
\o /dev/null
select 1;
\o
\h select
\?
explain (costs off) select * from items where id = 1;
\! echo hi
do $$ begin raise notice 'hello'; raise warning 'x' using hint = 'h', detail = 'd'; end $$;
listen ch;
notify ch, 'p';
select pg_backend_pid() > 0;
\lo_list
prepare p as select $1::int; execute p(3); deallocate p;
