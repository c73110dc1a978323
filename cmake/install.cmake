# Where `cmake --install` puts things.
install(FILES core/include/greenprint.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set_target_properties(greenprint_shared PROPERTIES EXPORT_NAME shared)
set_target_properties(greenprint_static PROPERTIES EXPORT_NAME static)
install(TARGETS greenprint_shared greenprint_static EXPORT greenprint-targets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

set(_package ${CMAKE_INSTALL_LIBDIR}/cmake/greenprint)
install(EXPORT greenprint-targets NAMESPACE greenprint:: DESTINATION ${_package})
configure_package_config_file(cmake/greenprint-config.cmake.in
  ${PROJECT_BINARY_DIR}/greenprint-config.cmake INSTALL_DESTINATION ${_package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/greenprint-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/greenprint-config.cmake
              ${PROJECT_BINARY_DIR}/greenprint-config-version.cmake
        DESTINATION ${_package})

# Relative to itself, so that `cmake --install --prefix` may name another place.
file(RELATIVE_PATH GREENPRINT_PC_TO_PREFIX
     "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
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
