/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/serve_data.h"

#include "conformance/cmd/command.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "fakeapi/server/fakeapi.h"
#include "fakeapi/store/store.h"

#include <sqlite3.h>

struct serve_data {
    sqlite3 *database;
    sqlite3_stmt *put, *remove, *set_revision;
    struct fakeapi *api;
    struct log *log;
    bool is_writing; /* in a transaction */
    uint64_t revision;
};

/* An exclusive lock tells a second process at once. The log outlives the process without being
 * synced; the machine's end may take the last seconds, but never the file. */
static const char schema[] =
    "PRAGMA locking_mode=EXCLUSIVE;"
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=NORMAL;"
    "CREATE TABLE IF NOT EXISTS objects (storage_key TEXT, namespace TEXT, name TEXT,"
    " revision INTEGER, text BLOB, PRIMARY KEY (storage_key, namespace, name)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY, revision INTEGER);";

/* --- writing --- */

static void end_process(struct serve_data *data) {
    log_line(data->log, LOG_ERROR, "cannot keep the state: %s", sqlite3_errmsg(data->database));
    exit(EXIT_HARNESS);
}

static void run(struct serve_data *data, const char *sql) {
    if (sqlite3_exec(data->database, sql, NULL, NULL, NULL) != SQLITE_OK)
        end_process(data);
}

static void bind_text(sqlite3_stmt *statement, int index, struct sv text) {
    sqlite3_bind_text(statement, index, text.ptr, (int)text.len, SQLITE_STATIC);
}

static void step(struct serve_data *data, sqlite3_stmt *statement) {
    if (sqlite3_step(statement) != SQLITE_DONE)
        end_process(data);
    sqlite3_reset(statement);
}

static void keep_write(void *context, const struct store_write *write) {
    struct serve_data *data = context;
    if (!data->is_writing)
        run(data, "BEGIN");
    data->is_writing = true;
    if (write->revision > data->revision)
        data->revision = write->revision;
    sqlite3_stmt *statement = write->text.len > 0 ? data->put : data->remove;
    bind_text(statement, 1, write->storage_key);
    bind_text(statement, 2, write->namespace_name);
    bind_text(statement, 3, write->name);
    if (write->text.len > 0) {
        sqlite3_bind_int64(statement, 4, (sqlite3_int64)write->revision);
        sqlite3_bind_blob(statement, 5, write->text.ptr, (int)write->text.len, SQLITE_STATIC);
    }
    step(data, statement);
}

void serve_data_commit(void *context) {
    struct serve_data *data = context;
    if (!data->is_writing)
        return;
    sqlite3_bind_int64(data->set_revision, 1, (sqlite3_int64)data->revision);
    step(data, data->set_revision);
    run(data, "COMMIT");
    data->is_writing = false;
}

/* --- opening --- */

static bool fail(struct serve_data *data, struct sv path, struct error *err) {
    return error_set(err, ERROR_IO, "%.*s: %s", SV_ARG(path), sqlite3_errmsg(data->database));
}

static bool prepare(struct serve_data *data, const char *sql, sqlite3_stmt **ret_statement) {
    return sqlite3_prepare_v2(data->database, sql, -1, ret_statement, NULL) == SQLITE_OK;
}

static bool open_database(struct serve_data *data, struct sv path, struct error *err) {
    AUTO(arena) arena = arena_new();
    if (sqlite3_open(arena_copy(arena, path).ptr, &data->database) != SQLITE_OK ||
        sqlite3_exec(data->database, schema, NULL, NULL, NULL) != SQLITE_OK ||
        !prepare(data, "INSERT OR REPLACE INTO objects VALUES (?,?,?,?,?)", &data->put) ||
        !prepare(data, "DELETE FROM objects WHERE storage_key=? AND namespace=? AND name=?",
                 &data->remove) ||
        !prepare(data, "INSERT OR REPLACE INTO state VALUES (1,?)", &data->set_revision))
        return fail(data, path, err);
    return true;
}

static struct sv column(sqlite3_stmt *statement, int index) {
    const void *bytes = sqlite3_column_blob(statement, index);
    return bytes ? (struct sv){bytes, (size_t)sqlite3_column_bytes(statement, index)} : SV("");
}

static bool restore(struct serve_data *data, struct sv path, struct error *err) {
    sqlite3_stmt *rows;
    /* Types come before their objects. */
    if (!prepare(data,
                 "SELECT storage_key, namespace, name, revision, text FROM objects ORDER BY "
                 "storage_key <> 'apiextensions.k8s.io/customresourcedefinitions', storage_key, "
                 "namespace, name",
                 &rows))
        return fail(data, path, err);
    bool is_good = true;
    int code = SQLITE_DONE;
    while (is_good && (code = sqlite3_step(rows)) == SQLITE_ROW) {
        struct store_write write = {column(rows, 0), column(rows, 1), column(rows, 2),
                                    (uint64_t)sqlite3_column_int64(rows, 3), column(rows, 4)};
        is_good = fakeapi_restore(data->api, &write, err) || error_wrap(err, "%.*s", SV_ARG(path));
    }
    sqlite3_finalize(rows);
    return is_good && (code == SQLITE_DONE || fail(data, path, err));
}

/* 0: the file is new. */
static uint64_t kept_revision(struct serve_data *data) {
    sqlite3_stmt *row;
    uint64_t revision = 0;
    if (prepare(data, "SELECT revision FROM state", &row) && sqlite3_step(row) == SQLITE_ROW)
        revision = (uint64_t)sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return revision;
}

struct serve_data *serve_data_open(struct sv path, struct fakeapi *api, struct log *log,
                                   struct error *err) {
    struct serve_data *data = mem_alloc(sizeof(*data));
    data->api = api;
    data->log = log;
    bool is_open = open_database(data, path, err);
    data->revision = is_open ? kept_revision(data) : 0;
    if (!is_open || (data->revision > 0 && !restore(data, path, err))) {
        serve_data_free(data);
        return NULL;
    }
    if (data->revision > 0)
        fakeapi_end_restore(api, data->revision);
    else
        fakeapi_each_object(api, keep_write, data);
    serve_data_commit(data);
    fakeapi_set_journal(api, keep_write, data);
    return data;
}

void serve_data_free(struct serve_data *data) {
    if (!data)
        return;
    serve_data_commit(data);
    sqlite3_finalize(data->put);
    sqlite3_finalize(data->remove);
    sqlite3_finalize(data->set_revision);
    sqlite3_close(data->database);
    mem_free(data);
}
