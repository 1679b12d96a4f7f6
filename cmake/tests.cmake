# SPDX-License-Identifier: Apache-2.0
# Tests that run whole programs. Unit tests stand beside their sources and register themselves.
if(NOT TARGET crctl)
  return()
endif()

# Every scenario is one test.
file(GLOB scenarios CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/scenarios
     ${CMAKE_SOURCE_DIR}/scenarios/*.yaml ${CMAKE_SOURCE_DIR}/scenarios/defects/*.yaml
     ${CMAKE_SOURCE_DIR}/scenarios/edits/*.yaml ${CMAKE_SOURCE_DIR}/scenarios/topologies/*.yaml
     ${CMAKE_SOURCE_DIR}/scenarios/bad-input/*.yaml
     ${CMAKE_SOURCE_DIR}/scenarios/entries/*.yaml)
foreach(scenario ${scenarios})
  string(REGEX REPLACE "[.]yaml$" "" stem ${scenario})
  string(REPLACE "/" "." name ${stem})
  add_test(NAME scenario.${name} COMMAND crctl run scenarios/${stem}.yaml
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(scenario.${name} PROPERTIES LABELS scenario TIMEOUT 900)
endforeach()

# Every class of ours is certified, scripts included.
file(GLOB classes CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/classes/*/class.yaml)
foreach(class ${classes})
  get_filename_component(folder ${class} DIRECTORY)
  get_filename_component(name ${folder} NAME)
  add_test(NAME certify.${name} COMMAND crctl certify classes/${name}/class.yaml --quiet
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(certify.${name} PROPERTIES LABELS certify TIMEOUT 900)
endforeach()

add_test(NAME scenarios.same-bytes COMMAND ci/check-determinism $<TARGET_FILE:crctl>
         WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(scenarios.same-bytes PROPERTIES LABELS scenario TIMEOUT 900)

# Sanitizers make programs slow and their address space huge.
if(SANITIZE OR COVERAGE)
  set(bad_input_limits 20 0)
else()
  set(bad_input_limits 1 200)
endif()
add_test(NAME scenarios.bad-input
         COMMAND ci/check-bad-input $<TARGET_FILE:crctl> ${bad_input_limits}
         WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(scenarios.bad-input PROPERTIES LABELS scenario TIMEOUT 300)

# Clients that we did not write against `crctl serve`, where Go can build them.
foreach(client kubectl manager)
  add_test(NAME ${client} COMMAND ci/${client}/run $<TARGET_FILE:crctl>
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${client} PROPERTIES LABELS ${client} TIMEOUT 900 SKIP_RETURN_CODE 77)
endforeach()

# The chart, with Helm itself.
add_test(NAME helm COMMAND ci/helm/run $<TARGET_FILE:crctl> $<TARGET_FILE:cacheruntime-controller>
         WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(helm PROPERTIES LABELS helm TIMEOUT 900 SKIP_RETURN_CODE 77)

add_test(NAME crctl.init COMMAND ci/check-init $<TARGET_FILE:crctl>
         WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(crctl.init PROPERTIES LABELS crctl TIMEOUT 600)

# The page of checks is the catalogue's.
add_test(NAME crctl.checks-page
         COMMAND sh -c "'$<TARGET_FILE:crctl>' checks --output markdown | diff docs/checks.md -"
         WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(crctl.checks-page PROPERTIES LABELS crctl TIMEOUT 60)

# The page of fields is the definitions'.
add_test(NAME crctl.fields-page COMMAND sh -c "ci/fields-page | diff docs/fields.md -"
         WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(crctl.fields-page PROPERTIES LABELS crctl TIMEOUT 60)

# The roles of deploy/ permit what is asked for, and nothing else.
add_test(NAME crctl.permissions COMMAND ci/check-permissions $<TARGET_FILE:crctl>
         WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(crctl.permissions PROPERTIES LABELS crctl TIMEOUT 120)

# What deploy/Containerfile puts into the image is enough.
add_test(NAME daemon.image
         COMMAND ci/check-image $<TARGET_FILE:crctl> $<TARGET_FILE:cacheruntime-controller>
         WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(daemon.image PROPERTIES LABELS daemon TIMEOUT 120 SKIP_RETURN_CODE 77)

# Command lines in the documents have the options that there are, and print what they say.
add_test(NAME crctl.docs-examples COMMAND ci/docs-examples $<TARGET_FILE:crctl>
         WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(crctl.docs-examples PROPERTIES LABELS crctl TIMEOUT 600)

add_test(NAME crctl.report-page COMMAND ci/check-report-page $<TARGET_FILE:crctl>
         WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(crctl.report-page PROPERTIES LABELS crctl TIMEOUT 120 SKIP_RETURN_CODE 77)

add_test(NAME crctl.completion COMMAND ci/check-completion $<TARGET_FILE:crctl>
         WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(crctl.completion PROPERTIES LABELS crctl TIMEOUT 60)

# The same scenarios with the controller as a process, over HTTPS.
if(TARGET cacheruntime-controller)
  add_test(NAME scenarios.http COMMAND ci/scenarios-http $<TARGET_FILE:crctl>
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(scenarios.http PROPERTIES LABELS "scenario;daemon" TIMEOUT 1800)
endif()

# The controller as a process over HTTPS: one test for each flow.
find_program(PYTHON3 python3)
if(PYTHON3)
  file(GLOB flows CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/ci/daemon/flow_*.py)
  foreach(flow ${flows})
    get_filename_component(stem ${flow} NAME_WE)
    string(REPLACE "flow_" "" stem ${stem})
    add_test(NAME daemon.${stem}
             COMMAND ${PYTHON3} ci/daemon/run $<TARGET_FILE:crctl>
                     $<TARGET_FILE:cacheruntime-controller> ${stem}
             WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(daemon.${stem} PROPERTIES LABELS daemon TIMEOUT 600)
  endforeach()
endif()

# The API server over its sockets: one test for each flow.
if(PYTHON3)
  file(GLOB flows CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/ci/serve/flow_*.py)
  foreach(flow ${flows})
    get_filename_component(stem ${flow} NAME_WE)
    string(REPLACE "flow_" "" stem ${stem})
    add_test(NAME serve.${stem} COMMAND ${PYTHON3} ci/serve/run $<TARGET_FILE:crctl> ${stem}
             WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(serve.${stem} PROPERTIES LABELS serve TIMEOUT 600)
  endforeach()
endif()

# Our API server against the recorded answers of a stock one, and a stock one against them.
if(PYTHON3)
  add_test(NAME differential
           COMMAND ${PYTHON3} ci/differential/run --crctl $<TARGET_FILE:crctl>
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  add_test(NAME differential.stock COMMAND ${PYTHON3} ci/differential/run --stock
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(differential PROPERTIES LABELS differential TIMEOUT 900)
  set_tests_properties(differential.stock PROPERTIES LABELS stock TIMEOUT 1800
                       SKIP_RETURN_CODE 77)
endif()

# The controller and our nodes on a stock control plane, and stock controllers on our API server,
# where Go can build them: the first time takes some minutes.
if(PYTHON3)
  add_test(NAME stock.controller
           COMMAND ${PYTHON3} ci/controlplane/check $<TARGET_FILE:crctl>
                   $<TARGET_FILE:cacheruntime-controller>
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(stock.controller PROPERTIES LABELS stock TIMEOUT 1800 SKIP_RETURN_CODE 77)
  add_test(NAME stock.controllers
           COMMAND ${PYTHON3} ci/controlplane/controllers $<TARGET_FILE:crctl>
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(stock.controllers PROPERTIES LABELS stock TIMEOUT 1800 SKIP_RETURN_CODE 77)
  add_test(NAME stock.scenarios
           COMMAND ${PYTHON3} ci/controlplane/scenarios $<TARGET_FILE:crctl>
                   $<TARGET_FILE:cacheruntime-controller> --unless-busy --shard 1/4
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  # Some minutes, most of them waiting: it begins first, and others run beside it. A quarter of
  # them, or all tests would take an hour; all of them run by hand, and in mode http (scenarios.http).
  set_tests_properties(stock.scenarios PROPERTIES LABELS stock TIMEOUT 2400 SKIP_RETURN_CODE 77
                       COST 1000000)
endif()

# Properties on generated inputs; with sanitizers fewer of them.
if(SANITIZE OR COVERAGE)
  set(property_numbers 1000 150)
else()
  set(property_numbers 10000 10000)
endif()
add_test(NAME properties COMMAND ci/properties ${CMAKE_BINARY_DIR} ${property_numbers}
         WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(properties PROPERTIES LABELS properties TIMEOUT 1800)

# The same random inputs through Go's own encoder.
add_test(NAME reconcile.runtime-json-oracle
         COMMAND ci/oracle/run ${CMAKE_BINARY_DIR} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(reconcile.runtime-json-oracle PROPERTIES LABELS differential
                     SKIP_RETURN_CODE 77 TIMEOUT 900)
