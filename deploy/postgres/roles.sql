-- Roles and databases, once, as a superuser of an empty server or one that has neither:
--   psql -v owner_password=... -v app_password=... -v dagster_password=... -f roles.sql postgres
-- The owner changes the schema of the inbox, and runs once after an update: amc-learning doctor.
-- The service and the nights log in as the app, which can read and write rows, and can neither change nor drop tables.
-- Dagster makes and migrates its own tables, in a database of its own: it sees no event.
\set ON_ERROR_STOP on

CREATE ROLE amc_learning_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE amc_learning_app LOGIN PASSWORD :'app_password';
CREATE ROLE amc_learning_dagster LOGIN PASSWORD :'dagster_password';

CREATE DATABASE amc_learning OWNER amc_learning_owner TEMPLATE template0 ENCODING 'UTF8';
CREATE DATABASE amc_learning_dagster OWNER amc_learning_dagster TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE amc_learning, amc_learning_dagster FROM PUBLIC;
GRANT CONNECT ON DATABASE amc_learning TO amc_learning_app;

\connect amc_learning
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO amc_learning_owner;
GRANT USAGE ON SCHEMA public TO amc_learning_app;
ALTER DEFAULT PRIVILEGES FOR ROLE amc_learning_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO amc_learning_app;
ALTER DEFAULT PRIVILEGES FOR ROLE amc_learning_owner IN SCHEMA public
    GRANT USAGE ON SEQUENCES TO amc_learning_app;
