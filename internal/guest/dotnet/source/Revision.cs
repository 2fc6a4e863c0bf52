// SPDX-License-Identifier: Apache-2.0

using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Reflection;

namespace Dayfly.Guest
{
    /// <summary>Loads what a revision's entry names: Assembly::Namespace.Class::Method.</summary>
    static class Revision
    {
        /// <summary>Where the build puts assemblies, below the code.</summary>
        const string BuiltFolder = ".dayfly/app";

        public static IDialect Become(Dictionary<string, object> revision)
        {
            var environment = (Dictionary<string, object>)revision["env"];
            foreach (DictionaryEntry old in Environment.GetEnvironmentVariables())
                Environment.SetEnvironmentVariable((string)old.Key, null);
            foreach (var variable in environment)
                Environment.SetEnvironmentVariable(variable.Key, (string)variable.Value);
            var task = (string)revision["task"];
            Directory.SetCurrentDirectory(task);
            var folders = new[] { Path.Combine(task, BuiltFolder), task, Path.Combine(task, "bin"), OwnFolder() };
            AppDomain.CurrentDomain.AssemblyResolve += (sender, wanted) => Resolve(folders, wanted.Name);
            var entry = (string)revision["entry"];
            var method = Find(folders, entry);
            switch ((string)revision["dialect"])
            {
                case "lambda": return new LambdaDialect(method, revision);
                case "openwhisk": return new OpenWhiskDialect(method);
                case "openfaas": return new OpenFaasDialect(method);
            }
            throw new LoadException("Runtime.UnknownDialect",
                "the .NET guest does not speak the dialect " + revision["dialect"]);
        }

        /// <summary>The folder of what stands in for packages that a function does not bring.</summary>
        static string OwnFolder()
        {
            return Path.Combine(Path.GetDirectoryName(typeof(Revision).Assembly.Location), "compat");
        }

        /// <summary>Tells a type of the stand-ins from one of a package that the function brings.</summary>
        public static bool IsStandIn(Type type)
        {
            return type.Namespace.StartsWith("Amazon.Lambda.Serialization") &&
                type.Assembly.Location.StartsWith(OwnFolder() + Path.DirectorySeparatorChar);
        }

        /// <summary>Passes through what becoming a revision does, with a method of the guest's own.</summary>
        public static MethodInfo Rehearse(string entry)
        {
            var own = Path.GetDirectoryName(typeof(Revision).Assembly.Location);
            return Find(new[] { Path.Combine(own, "none"), own }, entry);
        }

        static Assembly Resolve(string[] folders, string name)
        {
            var file = new AssemblyName(name).Name;
            foreach (var folder in folders)
                foreach (var suffix in new[] { ".dll", ".exe" })
                    if (File.Exists(Path.Combine(folder, file + suffix)))
                        return Assembly.LoadFrom(Path.Combine(folder, file + suffix));
            return null;
        }

        static MethodInfo Find(string[] folders, string entry)
        {
            var parts = entry.Split(new[] { "::" }, StringSplitOptions.None);
            if (parts.Length != 3 || Array.Exists(parts, part => part.Length == 0))
                throw new LoadException("LambdaValidationException", "The valid format for a Handler string is " +
                    "'ASSEMBLY::TYPE::METHOD'. '" + entry + "' is invalid");
            var assembly = Resolve(folders, parts[0]);
            if (assembly == null)
                throw new LoadException("LambdaValidationException", "Could not find the specified handler assembly " +
                    "with the file name '" + parts[0] + "'. The assembly should be located in the root of your " +
                    "uploaded .zip file.");
            var type = assembly.GetType(parts[1]);
            if (type == null)
                throw new LoadException("LambdaValidationException", "Unable to load type '" + parts[1] +
                    "' from assembly '" + parts[0] + "'.");
            return Method(type, parts[2]);
        }

        static MethodInfo Method(Type type, string name)
        {
            MethodInfo found = null;
            const BindingFlags all = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance |
                BindingFlags.Static | BindingFlags.FlattenHierarchy;
            foreach (var method in type.GetMethods(all))
            {
                if (method.Name != name && method.ToString() != name) continue;
                if (found != null)
                    throw new LoadException("LambdaValidationException", "The method '" + name + "' in type '" +
                        type.FullName + "' appears more than once. Please specify the complete method signature.");
                found = method;
            }
            if (found == null)
                throw new LoadException("LambdaValidationException", "Unable to find method '" + name +
                    "' in type '" + type.FullName + "' from assembly '" + type.Assembly.FullName + "'.");
            if (found.ContainsGenericParameters)
                throw new LoadException("LambdaValidationException", "Handler methods cannot be generic. The method '" +
                    name + "' contains generic parameters.");
            return found;
        }

        /// <summary>Makes the object that an instance method is called on; null for a static one.</summary>
        public static object Target(MethodInfo method)
        {
            if (method.IsStatic) return null;
            var type = method.ReflectedType;
            if (type.GetConstructor(Type.EmptyTypes) == null)
                throw new LoadException("LambdaValidationException", "Unable to create instance of type '" +
                    type.FullName + "': it has no public constructor without parameters.");
            return Activator.CreateInstance(type);
        }

        /// <summary>Waits for a task; gives the result of any handler, null for none.</summary>
        public static object Await(object result)
        {
            var task = result as System.Threading.Tasks.Task;
            if (task == null) return result;
            task.GetAwaiter().GetResult();
            for (var type = task.GetType(); type != null; type = type.BaseType)
                if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(System.Threading.Tasks.Task<>))
                {
                    var hasNone = type.GetGenericArguments()[0].Name == "VoidTaskResult";
                    return hasNone ? null : type.GetProperty("Result").GetValue(task, null);
                }
            return null;
        }
    }
}
