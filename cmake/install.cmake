# Where `cmake --install` puts things.
install(FILES core/include/greenprint.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set_target_properties(greenprint_shared PROPERTIES EXPORT_NAME shared)
set_target_properties(greenprint_static PROPERTIES EXPORT_NAME static)

# An export set for each, since only the static library needs others to be found.
set(_package ${CMAKE_INSTALL_LIBDIR}/cmake/greenprint)
foreach(_kind shared static)
  install(TARGETS greenprint_${_kind} EXPORT greenprint-${_kind}
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT greenprint-${_kind} NAMESPACE greenprint:: DESTINATION ${_package})
endforeach()
configure_package_config_file(cmake/greenprint-config.cmake.in
  ${PROJECT_BINARY_DIR}/greenprint-config.cmake INSTALL_DESTINATION ${_package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/greenprint-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/greenprint-config.cmake
              ${PROJECT_BINARY_DIR}/greenprint-config-version.cmake
        DESTINATION ${_package})

# Relative to itself, so that `cmake --install --prefix` may name another place; a folder
# that was given as an absolute path stays where it is.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(GREENPRINT_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
else()
  file(RELATIVE_PATH _to_prefix "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
  set(GREENPRINT_PC_PREFIX "\${pcfiledir}/${_to_prefix}")
endif()
foreach(_folder LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${_folder}}")
    set(GREENPRINT_PC_${_folder} "${CMAKE_INSTALL_FULL_${_folder}}")
  else()
    set(GREENPRINT_PC_${_folder} "\${prefix}/${CMAKE_INSTALL_${_folder}}")
  endif()
endforeach()
configure_file(cmake/greenprint.pc.in greenprint.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/greenprint.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(GREENPRINT_BUILD_CLI)
  install(TARGETS greenprint_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(FILES cli/greenprint.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES cli/completion/greenprint.bash
          DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME greenprint)
  install(FILES cli/completion/_greenprint
          DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES cli/completion/greenprint.fish
          DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
